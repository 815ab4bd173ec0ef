import { defineMessages } from '@/core/i18n'

export const usageMessages = defineMessages({
  en: {
    used: (used: string, total: string) => `${used} of ${total} used`,
    reserved: (amount: string) => `${amount} reserved`,
    allocated: (amount: string) => `${amount} given out`,
    total: (total: string) => total,
  },
  de: {
    used: (used, total) => `${used} von ${total} belegt`,
    reserved: (amount) => `${amount} reserviert`,
    allocated: (amount) => `${amount} vergeben`,
    total: (total) => total,
  },
  'zh-Hans': {
    used: (used, total) => `已用 ${used} / ${total}`,
    reserved: (amount) => `已预留 ${amount}`,
    allocated: (amount) => `已分配 ${amount}`,
    total: (total) => total,
  },
})
