import { defineMessages } from '@/core/i18n'

export const progressMessages = defineMessages({ en: { progress: 'Progress' }, de: { progress: 'Fortschritt' }, 'zh-Hans': { progress: '进度' } })
