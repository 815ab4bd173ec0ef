import './design/tokens.css'
import './design/base.css'
import { createApp, watchEffect } from 'vue'

import App from './App.vue'
import { applyLocale } from './core/i18n'
import { preferences } from './core/preferences'
import { toast } from './core/toast'
import { router } from './router'
import { uiMessages } from './ui/messages'

applyLocale()
watchEffect(() => {
  document.documentElement.dataset['density'] = preferences.density
})

const app = createApp(App)
app.config.errorHandler = (error) => {
  // A fault of one part must not be silent; the rest of the page goes on.
  toast({ tone: 'problem', text: uiMessages.errors.other, detail: error instanceof Error ? error.message : String(error), error })
  queueMicrotask(() => {
    throw error
  })
}
app.use(router)
app.mount('#app')
