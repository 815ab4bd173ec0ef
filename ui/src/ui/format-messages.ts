import { defineMessages } from '@/core/i18n'

export const formatMessages = defineMessages({
  en: { yes: 'Yes', no: 'No' },
  de: { yes: 'Ja', no: 'Nein' },
  'zh-Hans': { yes: '是', no: '否' },
})
