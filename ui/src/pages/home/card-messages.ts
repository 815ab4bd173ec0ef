import { defineMessages, plural } from '@/core/i18n'

export const cardMessages = defineMessages({
  en: { machines: (count: number) => plural(count, 'machine', 'machines'), cores: (cores: string) => (cores ? `${cores} CPU` : '') },
  de: { machines: (count) => plural(count, 'Maschine', 'Maschinen'), cores: (cores) => (cores ? `${cores} CPU` : '') },
  'zh-Hans': { machines: (count) => `${count} 台机器`, cores: (cores) => (cores ? `${cores} CPU` : '') },
})
