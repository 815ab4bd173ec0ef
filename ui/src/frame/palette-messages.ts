import { defineMessages } from '@/core/i18n'

export const paletteMessages = defineMessages({
  en: { actions: 'Actions', create: (kind: string) => `Create ${kind}`, importCluster: 'Import a Harvester cluster' },
  de: { actions: 'Aktionen', create: (kind) => `${kind} anlegen`, importCluster: 'Harvester-Cluster importieren' },
  'zh-Hans': { actions: '操作', create: (kind) => `创建${kind}`, importCluster: '导入 Harvester 集群' },
})
