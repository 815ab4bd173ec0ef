import { defineMessages } from '@/core/i18n'

export const formFrameMessages = defineMessages({
  en: { asYaml: 'Edit as YAML', cancel: 'Cancel', hasErrors: 'has errors', restored: 'What you typed earlier is still here.', startAfresh: 'Start afresh', sections: 'Sections', summary: 'Summary' },
  de: { asYaml: 'Als YAML bearbeiten', cancel: 'Abbrechen', hasErrors: 'enthält Fehler', restored: 'Was Sie vorhin eingegeben haben, ist noch da.', startAfresh: 'Neu beginnen', sections: 'Abschnitte', summary: 'Zusammenfassung' },
  'zh-Hans': { asYaml: '以 YAML 编辑', cancel: '取消', hasErrors: '有错误', restored: '您之前输入的内容仍在这里。', startAfresh: '重新开始', sections: '部分', summary: '摘要' },
})
