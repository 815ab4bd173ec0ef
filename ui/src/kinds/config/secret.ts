/** Secrets: what they are is listed, what they hold is shown only on demand. */
import { KeyRound } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { state } from '@/core/state'

import { SECRETS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { configMessages as m } from './messages'
import { keysOf, type Secret } from './secret-model'

export const secretKind = defineKind<Secret>({
  ...SECRETS,
  kind: 'Secret',
  namespaced: true,
  title: () => m.secrets,
  singular: () => m.secret,
  about: () => m.aboutSecrets,
  icon: KeyRound,
  nav: { group: 'advanced', order: 110 },
  state: (secret) => removing(secret) ?? state('ok', commonMessages.states.active),
  columns: [
    { id: 'type', label: () => commonMessages.type, value: ({ type }) => type, fact: true, width: 'minmax(140px, 1.2fr)', groups: true },
    { id: 'data', label: () => m.columns.data, value: (secret) => keysOf(secret).join(', '), fact: true, width: 'minmax(140px, 1.4fr)' },
  ],
  facts: (secret) => [
    { label: commonMessages.type, value: secret.type },
    { label: m.columns.keys, value: keysOf(secret).length, format: 'number' },
  ],
  overview: () => import('./SecretOverview.vue'),
  form: () => import('./SecretForm.vue'),
})
