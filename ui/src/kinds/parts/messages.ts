import { defineMessages } from '@/core/i18n'

export const partMessages = defineMessages({
  en: { namespace: 'Namespace' },
  de: { namespace: 'Namensraum' },
  'zh-Hans': { namespace: '命名空间' },
})
