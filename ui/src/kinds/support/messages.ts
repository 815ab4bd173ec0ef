import { defineMessages } from '@/core/i18n'

export const supportMessages = defineMessages({
  en: {
    title: 'Support Bundles',
    singular: 'Support bundle',
    about: 'A support bundle gathers logs and objects of the cluster for those who look into a problem.',
    columns: { description: 'Description', file: 'File', size: 'Size', progress: 'Progress', issue: 'Issue' },
    states: { generating: 'Gathering', ready: 'Ready', error: 'Failed' },
    form: {
      description: 'What the problem is',
      issue: 'Address of the issue',
      badUrl: 'An address that begins with http:// or https://',
      namespaces: 'Further namespaces (separated by commas)',
      privacy: 'It holds names, addresses and logs of the cluster. Look through it before you pass it on.',
      where: 'When it is ready, download it at the cluster itself: Support, Generate Support Bundle. The cluster deletes it after a while.',
    },
  },
  de: {
    title: 'Support-Bundles',
    singular: 'Support-Bundle',
    about: 'Ein Support-Bundle sammelt Protokolle und Objekte des Clusters für alle, die einer Störung nachgehen.',
    columns: { description: 'Beschreibung', file: 'Datei', size: 'Größe', progress: 'Fortschritt', issue: 'Vorgang' },
    states: { generating: 'Wird gesammelt', ready: 'Bereit', error: 'Fehlgeschlagen' },
    form: {
      description: 'Worin die Störung besteht',
      issue: 'Adresse des Vorgangs',
      badUrl: 'Eine Adresse, die mit http:// oder https:// beginnt',
      namespaces: 'Weitere Namespaces (durch Kommas getrennt)',
      privacy: 'Es enthält Namen, Adressen und Protokolle des Clusters. Sehen Sie es durch, bevor Sie es weitergeben.',
      where: 'Ist es bereit, laden Sie es beim Cluster selbst herunter: Support, Generate Support Bundle. Der Cluster löscht es nach einer Weile.',
    },
  },
  'zh-Hans': {
    title: '支持包',
    singular: '支持包',
    about: '支持包收集集群的日志和对象，供排查问题的人员使用。',
    columns: { description: '描述', file: '文件', size: '大小', progress: '进度', issue: '工单' },
    states: { generating: '正在收集', ready: '就绪', error: '失败' },
    form: {
      description: '问题描述',
      issue: '工单地址',
      badUrl: '以 http:// 或 https:// 开头的地址',
      namespaces: '其他命名空间（用逗号分隔）',
      privacy: '其中包含集群的名称、地址和日志。转交前请检查。',
      where: '就绪后请在集群自身下载：Support → Generate Support Bundle。集群会在一段时间后将其删除。',
    },
  },
})
