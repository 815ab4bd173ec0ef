/** Settings of the whole cluster: no table but one block each, by what they are about. */
import { Settings } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { state } from '@/core/state'

import { SETTINGS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { settingMessages as m } from './messages'
import { isChanged, problemOf, valueOf, type Setting } from './setting-model'

export const settingKind = defineKind<Setting>({
  ...SETTINGS,
  kind: 'Setting',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Settings,
  nav: { group: 'advanced', order: 120 },
  creatable: false,
  deletable: false,
  state(setting) {
    const problem = problemOf(setting)
    return problem ? state('problem', commonMessages.states.failed, problem) : state('ok', commonMessages.states.active)
  },
  columns: [{ id: 'changed', label: () => m.changed, value: isChanged, format: 'yes-no', fact: true }],
  facts: (setting) => [
    { label: m.value, value: valueOf(setting).length > 120 ? '' : valueOf(setting), format: 'mono' },
    { label: m.changed, value: isChanged(setting), format: 'yes-no' },
  ],
  page: () => import('./SettingsPage.vue'),
})
