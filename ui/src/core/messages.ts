import { defineMessages } from './i18n'

export const stateMessages = defineMessages({
  en: {
    tones: { ok: 'Running', working: 'Working', attention: 'Attention', problem: 'Problem', off: 'Off' },
    active: 'Active',
    attention: 'Attention',
    notReady: 'Not ready',
    removing: 'Removing',
    waitsFor: (finalizers: string) => `Waits for ${finalizers}`,
  },
  de: {
    tones: { ok: 'Läuft', working: 'In Arbeit', attention: 'Achtung', problem: 'Störung', off: 'Aus' },
    active: 'Aktiv',
    attention: 'Achtung',
    notReady: 'Nicht bereit',
    removing: 'Wird entfernt',
    waitsFor: (finalizers) => `Wartet auf ${finalizers}`,
  },
  'zh-Hans': {
    tones: { ok: '运行中', working: '进行中', attention: '注意', problem: '故障', off: '关闭' },
    active: '活跃',
    attention: '注意',
    notReady: '未就绪',
    removing: '正在移除',
    waitsFor: (finalizers) => `等待 ${finalizers}`,
  },
})
