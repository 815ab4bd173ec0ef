import { defineMessages } from '@/core/i18n'

export const conditionMessages = defineMessages({
  en: { title: 'Conditions', none: 'It reports no conditions.', type: 'Condition', status: 'Status', message: 'Message', changed: 'Last change' },
  de: { title: 'Bedingungen', none: 'Es meldet keine Bedingungen.', type: 'Bedingung', status: 'Status', message: 'Meldung', changed: 'Letzte Änderung' },
  'zh-Hans': { title: '状况', none: '没有报告任何状况。', type: '状况', status: '状态', message: '消息', changed: '最近变化' },
})
