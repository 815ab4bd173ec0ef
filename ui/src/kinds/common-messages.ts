import { defineMessages, plural } from '@/core/i18n'

export const commonMessages = defineMessages({
  en: {
    clone: 'Clone',
    deleteOne: 'Delete',
    deleteTitle: (name: string) => `Delete ${name}?`,
    deleteSeveral: (count: number) => `Delete ${plural(count, 'object', 'objects')}?`,
    deleteText: 'This cannot be undone.',
    download: 'Download YAML',
    edit: 'Edit Config',
    editYaml: 'Edit YAML',
  },
  de: {
    clone: 'Klonen',
    deleteOne: 'Löschen',
    deleteTitle: (name) => `${name} löschen?`,
    deleteSeveral: (count) => `${plural(count, 'Objekt', 'Objekte')} löschen?`,
    deleteText: 'Das lässt sich nicht rückgängig machen.',
    download: 'YAML herunterladen',
    edit: 'Konfiguration bearbeiten',
    editYaml: 'YAML bearbeiten',
  },
  'zh-Hans': {
    clone: '克隆',
    deleteOne: '删除',
    deleteTitle: (name) => `删除 ${name}？`,
    deleteSeveral: (count) => `删除 ${count} 个对象？`,
    deleteText: '此操作无法撤销。',
    download: '下载 YAML',
    edit: '编辑配置',
    editYaml: '编辑 YAML',
  },
})
