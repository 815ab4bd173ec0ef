/** Templates of cloud-init data: ConfigMaps with Harvester's label. And the other ConfigMaps. */
import { FileCog, FileSliders } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { textAt, type KubeObject } from '@/core/kubernetes'
import { state } from '@/core/state'

import { CONFIG_MAPS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { configMessages as m } from './messages'

export interface ConfigMap extends KubeObject {
  data?: Record<string, string> | null
  binaryData?: Record<string, string> | null
}

/** Says that a ConfigMap is a template, and which data of cloud-init it is for. */
export const TEMPLATE_LABEL = 'harvesterhci.io/cloud-init-template'
/** Where the text stands. */
export const CONTENT = 'cloudInit'
export type TemplateType = 'user' | 'network'

export const templateTypeOf = ({ metadata }: KubeObject): TemplateType => (metadata.labels?.[TEMPLATE_LABEL] === 'network' ? 'network' : 'user')
export const contentOf = (template: KubeObject): string => textAt(template, 'data', CONTENT) ?? ''
const keysOf = ({ data, binaryData }: ConfigMap): string => Object.keys({ ...data, ...binaryData }).join(', ')

export const cloudTemplateKind = defineKind<ConfigMap>({
  ...CONFIG_MAPS,
  kind: 'ConfigMap',
  view: 'cloud-templates',
  labelSelector: TEMPLATE_LABEL,
  namespaced: true,
  title: () => m.templates,
  singular: () => m.template,
  about: () => m.aboutTemplates,
  icon: FileCog,
  nav: { group: 'advanced', order: 30 },
  state: (template) => removing(template) ?? state('ok', commonMessages.states.active),
  columns: [
    { id: 'type', label: () => commonMessages.type, value: (template) => m.types[templateTypeOf(template)], fact: true },
    { id: 'description', label: () => commonMessages.description, value: ({ metadata }) => metadata.annotations?.['field.cattle.io/description'] },
  ],
  facts: (template) => [{ label: commonMessages.type, value: m.types[templateTypeOf(template)] }],
  overview: () => import('./CloudTemplateOverview.vue'),
  form: () => import('./CloudTemplateForm.vue'),
})

export const configMapKind = defineKind<ConfigMap>({
  ...CONFIG_MAPS,
  kind: 'ConfigMap',
  namespaced: true,
  title: () => m.configMaps,
  singular: () => m.configMap,
  about: () => m.aboutConfigMaps,
  icon: FileSliders,
  columns: [{ id: 'data', label: () => m.columns.data, value: keysOf, fact: true, width: 'minmax(140px, 2fr)' }],
})
