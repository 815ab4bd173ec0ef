import { defineMessages } from '@/core/i18n'

export const eventKindMessages = defineMessages({
  en: { singular: 'Event', about: 'What was reported of objects lately. Clusters keep events for about an hour.', object: 'Object', first: 'First seen' },
  de: { singular: 'Ereignis', about: 'Was in letzter Zeit über Objekte gemeldet wurde. Cluster bewahren Ereignisse etwa eine Stunde auf.', object: 'Objekt', first: 'Zuerst' },
  'zh-Hans': { singular: '事件', about: '最近关于对象的报告。集群会保留事件约一小时。', object: '对象', first: '首次出现' },
})
