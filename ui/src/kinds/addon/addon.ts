/** Add-ons: charts that a Harvester brings and that can be switched on. */
import { Blocks, Power, PowerOff } from '@lucide/vue'

import { defineAction, defineKind } from '@/core/kinds'
import { patch } from '@/core/resources'
import { state, type State, type Tone } from '@/core/state'

import { ADDONS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { isEnabled, isExperimental, missingValues, nameOf, phaseOf, type Addon, type Phase } from './addon-model'
import { aboutAddon, addonMessages as m } from './messages'

const TONES: Record<Phase, Tone> = { disabled: 'off', enabling: 'working', deployed: 'ok', updating: 'working', disabling: 'working', failed: 'problem' }

function addonState(addon: Addon): State {
  const gone = removing(addon)
  if (gone) return gone
  const { phase, message } = phaseOf(addon)
  return state(TONES[phase], m.phases[phase], message)
}

export const addonKind = defineKind<Addon>({
  ...ADDONS,
  kind: 'Addon',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Blocks,
  nav: { group: 'advanced', order: 100 },
  // A release brings its add-ons.
  creatable: false,
  displayName: (addon) => (isExperimental(addon) ? m.experimental(nameOf(addon)) : nameOf(addon)),
  state: addonState,
  columns: [
    { id: 'about', label: () => commonMessages.description, value: ({ metadata }) => aboutAddon(metadata.name), width: 'minmax(200px, 3fr)', fact: true },
    { id: 'enabled', label: () => m.columns.enabled, value: isEnabled, format: 'yes-no', hidden: true },
    { id: 'chart', label: () => m.columns.chart, value: ({ spec }) => spec?.chart, format: 'mono', hidden: true },
  ],
  actions: [
    defineAction<Addon>({
      id: 'enable',
      label: () => m.actions.enable,
      icon: Power,
      primary: true,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      when: (addon) => !isEnabled(addon),
      run: async (addon, { scope, kind }) => {
        const missing = missingValues(addon)
        if (missing.length > 0) throw new Error(m.missing(missing.join(', ')))
        await patch(scope, kind, addon.metadata, { spec: { enabled: true } })
      },
    }),
    defineAction<Addon>({
      id: 'disable',
      label: () => m.actions.disable,
      icon: PowerOff,
      danger: true,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      when: isEnabled,
      confirm: ([addon]) => (addon ? { title: m.confirmDisable.title(nameOf(addon)), text: m.confirmDisable.text, confirm: m.actions.disable, danger: true } : null),
      run: (addon, { scope, kind }) => patch(scope, kind, addon.metadata, { spec: { enabled: false } }),
    }),
  ],
  facts: (addon) => [
    ...(aboutAddon(addon.metadata.name) ? [{ label: commonMessages.description, value: aboutAddon(addon.metadata.name) }] : []),
    { label: m.columns.enabled, value: isEnabled(addon), format: 'yes-no' as const },
    { label: m.columns.chart, value: addon.spec?.chart, format: 'mono' as const },
    { label: m.columns.version, value: addon.spec?.version },
    ...(isExperimental(addon) ? [{ label: m.isExperimental, value: true, format: 'yes-no' as const }] : []),
  ],
  form: () => import('./AddonForm.vue'),
})
