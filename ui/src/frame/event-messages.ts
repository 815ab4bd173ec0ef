import { defineMessages } from '@/core/i18n'

export const eventMessages = defineMessages({
  en: { title: 'Events', none: 'Nothing has been reported about it lately. Clusters keep events for about an hour.', type: 'Type', reason: 'Reason', message: 'Message', from: 'From', count: 'Times', last: 'Last seen', warning: 'Warning', normal: 'Normal' },
  de: { title: 'Ereignisse', none: 'In letzter Zeit wurde nichts darüber gemeldet. Cluster bewahren Ereignisse etwa eine Stunde auf.', type: 'Art', reason: 'Grund', message: 'Meldung', from: 'Von', count: 'Anzahl', last: 'Zuletzt', warning: 'Warnung', normal: 'Normal' },
  'zh-Hans': { title: '事件', none: '最近没有相关报告。集群会保留事件约一小时。', type: '类型', reason: '原因', message: '消息', from: '来源', count: '次数', last: '最近出现', warning: '警告', normal: '正常' },
})
