/** SSH keys: public halves that cloud-init lets into machines. */
import { KeyRound } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition } from '@/core/kubernetes'
import { state } from '@/core/state'

import { DESCRIPTION, KEY_PAIRS } from '../virtual-machine/types'
import { keyMessages as m } from './messages'
import type { KeyPair } from './object'
import { parseKey } from './ssh-key'

function partOf(pair: KeyPair, part: 'type' | 'comment'): string {
  const key = parseKey(pair.spec?.publicKey ?? '')
  return typeof key === 'string' ? '' : key[part]
}

export const keyPairKind = defineKind<KeyPair>({
  ...KEY_PAIRS,
  kind: 'KeyPair',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: KeyRound,
  nav: { group: 'advanced', order: 20 },
  // The cluster refuses changes of a key.
  editable: false,
  state: (pair) => {
    if (pair.metadata.deletionTimestamp) return state('working', m.states.checking)
    const validated = findCondition(pair, 'validated')
    if (validated?.status === 'False') return state('problem', m.states.invalid, validated.message)
    if (validated?.status === 'True' || pair.status?.fingerPrint) return state('ok', m.states.valid)
    return state('working', m.states.checking)
  },
  columns: [
    { id: 'fingerprint', label: () => m.fingerprint, value: (pair) => pair.status?.fingerPrint, format: 'mono', fact: true, width: 'minmax(180px, 2fr)' },
    { id: 'type', label: () => m.type, value: (pair) => partOf(pair, 'type'), fact: true },
    { id: 'comment', label: () => m.comment, value: (pair) => partOf(pair, 'comment'), hidden: true },
  ],
  facts: (pair) => [
    { label: m.description, value: pair.metadata.annotations?.[DESCRIPTION] },
    { label: m.type, value: partOf(pair, 'type') },
    { label: m.comment, value: partOf(pair, 'comment') },
    { label: m.fingerprint, value: pair.status?.fingerPrint, format: 'mono' },
  ],
  overview: () => import('./KeyOverview.vue'),
  form: () => import('./KeyForm.vue'),
})
