import { defineMessages } from '@/core/i18n'

export const settingsMessages = defineMessages({
  en: { title: 'Settings', about: 'Settings of this server. Those of a cluster are in the cluster, under Advanced.', serverUrl: 'Server URL', save: 'Save', saved: 'The server URL was saved' },
  de: { title: 'Einstellungen', about: 'Einstellungen dieses Servers. Die eines Clusters stehen im Cluster unter Erweitert.', serverUrl: 'Server-URL', save: 'Speichern', saved: 'Die Server-URL wurde gespeichert' },
  'zh-Hans': { title: '设置', about: '此服务器的设置。集群的设置位于集群的“高级”中。', serverUrl: '服务器 URL', save: '保存', saved: '服务器 URL 已保存' },
})
