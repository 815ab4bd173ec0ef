/** Templates of machines. People deal with templates; their versions are on the template's page. */
import { LayoutTemplate, MonitorUp, Plus, Star } from '@lucide/vue'

import { defineAction, defineKind, type ActionContext, type Context } from '@/core/kinds'
import { resourceId } from '@/core/kubernetes'
import { patch } from '@/core/resources'
import { state } from '@/core/state'
import { toast } from '@/core/toast'

import { coresOf, MACHINES, memoryOf, TEMPLATE_VERSIONS, TEMPLATES, type VirtualMachine } from '../virtual-machine/types'
import { templateMessages as m } from './messages'
import { idOf, isDefault, isReady, type MachineTemplate, type TemplateVersion } from './objects'

const versionsOf = (template: MachineTemplate, { joined }: Context): TemplateVersion[] => joined<TemplateVersion>('versions', template)
const templateOf = (version: TemplateVersion, { joined }: Context): MachineTemplate | undefined => joined<MachineTemplate>('template', version)[0]
const specOf = (version: TemplateVersion): NonNullable<NonNullable<NonNullable<VirtualMachine['spec']>['template']>['spec']> => version.spec?.vm?.spec?.template?.spec ?? {}

function launch(version: string, { scope, go }: ActionContext): void {
  go({ name: 'create', params: { cluster: scope.id, resource: resourceId(MACHINES) }, query: { template: version } })
}

function addVersion(template: string, from: string, { scope, go }: ActionContext): void {
  go({ name: 'create', params: { cluster: scope.id, resource: resourceId(TEMPLATE_VERSIONS) }, query: { of: template, ...(from && { template: from }) } })
}

const createsMachine = (): { verb: string; group: string; resource: string }[] => [{ verb: 'create', group: MACHINES.group, resource: MACHINES.resource }]
const createsVersion = (): { verb: string; group: string; resource: string }[] => [{ verb: 'create', group: TEMPLATE_VERSIONS.group, resource: TEMPLATE_VERSIONS.resource }]

export const templateKind = defineKind<MachineTemplate>({
  ...TEMPLATES,
  kind: 'VirtualMachineTemplate',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: LayoutTemplate,
  nav: { group: 'advanced', order: 10 },
  joins: {
    versions: { query: ({ scope, namespace }) => ({ scope, gvr: TEMPLATE_VERSIONS, namespace }), owner: (version) => (version as TemplateVersion).spec?.templateId },
  },
  state: (template, context) => {
    if (template.metadata.deletionTimestamp) return state('working', m.states.preparing)
    const main = versionsOf(template, context).find((version) => isDefault(version, template))
    if (main && !isReady(main)) return state('working', m.states.notReady)
    return template.spec?.defaultVersionId ? state('ok', m.states.ready) : state('working', m.states.preparing)
  },
  columns: [
    { id: 'description', label: () => m.columns.description, value: (template) => template.spec?.description, width: 'minmax(160px, 2fr)' },
    { id: 'default', label: () => m.columns.defaultVersion, value: (template) => template.status?.defaultVersion, format: 'number', fact: true, width: '130px' },
    { id: 'latest', label: () => m.columns.latestVersion, value: (template) => template.status?.latestVersion, format: 'number', fact: true, width: '120px' },
  ],
  actions: [
    defineAction<MachineTemplate>({
      id: 'launch',
      label: () => m.actions.launch,
      icon: MonitorUp,
      primary: true,
      needs: createsMachine,
      when: (template) => Boolean(template.spec?.defaultVersionId),
      run: (template, context) => launch(template.spec?.defaultVersionId ?? '', context),
    }),
    defineAction<MachineTemplate>({ id: 'add-version', label: () => m.actions.newVersion, icon: Plus, needs: createsVersion, run: (template, context) => addVersion(idOf(template), template.spec?.defaultVersionId ?? '', context) }),
  ],
  facts: (template) => [
    { label: m.facts.description, value: template.spec?.description },
    { label: m.facts.defaultVersion, value: template.status?.defaultVersion, format: 'number' },
    { label: m.facts.latestVersion, value: template.status?.latestVersion, format: 'number' },
  ],
  tabs: [{ id: 'versions', label: () => m.tabs.versions, component: () => import('./VersionsTab.vue'), count: (template, context) => versionsOf(template, context).length }],
  form: () => import('./TemplateForm.vue'),
})

export const templateVersionKind = defineKind<TemplateVersion>({
  ...TEMPLATE_VERSIONS,
  kind: 'VirtualMachineTemplateVersion',
  namespaced: true,
  title: () => m.versionsTitle,
  singular: () => m.versionSingular,
  icon: LayoutTemplate,
  // The cluster refuses changes of a version: another one takes its place.
  editable: false,
  joins: {
    template: {
      query: ({ scope, namespace }) => ({ scope, gvr: TEMPLATES, namespace }),
      owner: (template) => idOf(template),
      key: (version) => version.spec?.templateId ?? '',
    },
  },
  displayName: (version) => (version.spec?.templateId && version.status?.version ? `${version.spec.templateId.split('/')[1]} ${version.status.version}` : ''),
  state: (version) => (isReady(version) ? state('ok', m.states.ready) : state('working', m.states.notReady)),
  columns: [
    { id: 'template', label: () => m.columns.template, value: (version) => version.spec?.templateId },
    { id: 'version', label: () => m.columns.version, value: (version) => version.status?.version, format: 'number', width: '90px' },
    { id: 'description', label: () => m.columns.description, value: (version) => version.spec?.description },
    { id: 'cpu', label: () => m.columns.cpu, value: (version) => coresOf(specOf(version)), format: 'cores', width: '72px' },
    { id: 'memory', label: () => m.columns.memory, value: (version) => memoryOf(specOf(version)), format: 'bytes', width: '96px' },
  ],
  actions: [
    defineAction<TemplateVersion>({ id: 'launch', label: () => m.actions.launch, icon: MonitorUp, primary: true, needs: createsMachine, when: isReady, run: (version, context) => launch(idOf(version), context) }),
    defineAction<TemplateVersion>({ id: 'modify', label: () => m.actions.modify, icon: Plus, needs: createsVersion, run: (version, context) => addVersion(version.spec?.templateId ?? '', idOf(version), context) }),
    defineAction<TemplateVersion>({
      id: 'set-default',
      label: () => m.actions.setDefault,
      icon: Star,
      needs: () => [{ verb: 'patch', group: TEMPLATES.group, resource: TEMPLATES.resource }],
      when: (version, context) => isReady(version) && !isDefault(version, templateOf(version, context)),
      run: async (version, { scope }) => {
        const [namespace = '', name = ''] = version.spec?.templateId?.split('/') ?? []
        await patch(scope, TEMPLATES, { namespace, name }, { spec: { defaultVersionId: idOf(version) } })
        toast({ tone: 'ok', text: m.defaultSet(version.status?.version ? m.version(String(version.status.version)) : version.metadata.name) })
      },
    }),
  ],
  facts: (version, context) => {
    const [namespace = '', name = ''] = version.spec?.templateId?.split('/') ?? []
    return [
      { label: m.facts.template, value: name, to: { name: 'object', params: { cluster: context.scope.id, resource: resourceId(TEMPLATES), namespace, name } } },
      { label: m.facts.version, value: version.status?.version, format: 'number' },
      { label: m.facts.isDefault, value: isDefault(version, templateOf(version, context)), format: 'yes-no' },
      { label: m.facts.description, value: version.spec?.description },
      { label: m.columns.cpu, value: coresOf(specOf(version)), format: 'cores' },
      { label: m.columns.memory, value: memoryOf(specOf(version)), format: 'bytes' },
      { label: m.facts.keys, value: version.spec?.keyPairIds?.join(', ') },
    ]
  },
  form: () => import('./TemplateForm.vue'),
})
