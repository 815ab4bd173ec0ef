import { defineMessages } from './i18n'

export const clusterMessages = defineMessages({
  en: {
    states: {
      ready: 'Ready',
      waiting: 'Waiting',
      importing: 'Importing',
      connecting: 'Connecting',
      unreachable: 'Unreachable',
      degraded: 'Degraded',
      failed: 'Failed',
      removing: 'Removing',
    },
  },
  de: {
    states: {
      ready: 'Bereit',
      waiting: 'Wartet',
      importing: 'Wird importiert',
      connecting: 'Verbindet',
      unreachable: 'Nicht erreichbar',
      degraded: 'Eingeschränkt',
      failed: 'Fehlgeschlagen',
      removing: 'Wird entfernt',
    },
  },
  'zh-Hans': {
    states: {
      ready: '就绪',
      waiting: '等待中',
      importing: '正在导入',
      connecting: '正在连接',
      unreachable: '无法访问',
      degraded: '已降级',
      failed: '失败',
      removing: '正在移除',
    },
  },
})
