/** What the add-ons for monitoring and logging bring: where alerts and logs go. Made as YAML, from a beginning that fits. */
import { BellRing, LogOut, Workflow } from '@lucide/vue'

import { defineKind, type Column, type Kind } from '@/core/kinds'
import { listAt, textAt, type KubeObject } from '@/core/kubernetes'

import { monitoringMessages as m } from './messages'

const LOGGING = { group: 'logging.banzaicloud.io', version: 'v1beta1' } as const
/** A spec names what it is not by these. */
const NO_PROVIDER = new Set(['loggingRef', 'enabledNamespaces', 'protected'])

const names = (list: unknown[]): string => list.filter((entry) => typeof entry === 'string').join(', ')
const outputsOf = (flow: KubeObject): string => names([...listAt(flow, 'spec', 'globalOutputRefs'), ...listAt(flow, 'spec', 'localOutputRefs')])
const providersOf = (output: KubeObject): string =>
  Object.keys((output as { spec?: object }).spec ?? {})
    .filter((key) => !NO_PROVIDER.has(key))
    .join(', ')

/** Which of Harvester's log collectors it belongs to, by the reference it carries. */
function typeOf(object: KubeObject): string {
  const reference = textAt(object, 'spec', 'loggingRef') ?? ''
  if (reference.includes('audit')) return m.types.audit
  return reference.includes('event') ? m.types.event : m.types.logging
}
const type: Column<KubeObject> = { id: 'type', label: () => m.columns.type, value: typeOf, width: '112px', fact: true }
const outputs: Column<KubeObject> = { id: 'outputs', label: () => m.columns.outputs, value: outputsOf, fact: true }
const providers: Column<KubeObject> = { id: 'providers', label: () => m.columns.providers, value: providersOf, fact: true }

const start = (kind: string, namespaced: boolean, spec: object) => (namespace: string) =>
  ({ apiVersion: 'logging.banzaicloud.io/v1beta1', kind, metadata: { name: '', namespace: namespaced ? namespace || 'default' : 'cattle-logging-system' }, spec }) as KubeObject
const HTTP = { http: { endpoint: 'https://logs.example', content_type: 'application/json' } }

export const alertmanagerConfigKind = defineKind<KubeObject>({
  group: 'monitoring.coreos.com',
  version: 'v1alpha1',
  resource: 'alertmanagerconfigs',
  kind: 'AlertmanagerConfig',
  namespaced: true,
  title: () => m.alertmanagers,
  singular: () => m.alertmanager,
  icon: BellRing,
  nav: { group: 'monitoring', order: 20 },
  columns: [{ id: 'receivers', label: () => m.columns.receivers, value: (config) => names(listAt(config, 'spec', 'receivers').map((receiver) => textAt(receiver, 'name'))), fact: true }],
  template: (namespace) =>
    ({
      apiVersion: 'monitoring.coreos.com/v1alpha1',
      kind: 'AlertmanagerConfig',
      metadata: { name: '', namespace: namespace || 'default' },
      spec: { route: { receiver: 'default', groupBy: ['alertname'], groupWait: '30s', groupInterval: '5m', repeatInterval: '4h' }, receivers: [{ name: 'default', webhookConfigs: [{ url: 'https://alerts.example' }] }] },
    }) as KubeObject,
})

export const loggingKinds: Kind[] = [
  defineKind<KubeObject>({
    ...LOGGING,
    resource: 'clusterflows',
    kind: 'ClusterFlow',
    namespaced: true,
    title: () => m.clusterFlows,
    singular: () => m.clusterFlow,
    icon: Workflow,
    nav: { group: 'monitoring', order: 30 },
    columns: [outputs, type],
    template: start('ClusterFlow', false, { match: [{ select: {} }], globalOutputRefs: [] }),
  }),
  defineKind<KubeObject>({
    ...LOGGING,
    resource: 'clusteroutputs',
    kind: 'ClusterOutput',
    namespaced: true,
    title: () => m.clusterOutputs,
    singular: () => m.clusterOutput,
    icon: LogOut,
    nav: { group: 'monitoring', order: 40 },
    columns: [providers, type],
    template: start('ClusterOutput', false, HTTP),
  }),
  defineKind<KubeObject>({
    ...LOGGING,
    resource: 'flows',
    kind: 'Flow',
    namespaced: true,
    title: () => m.flows,
    singular: () => m.flow,
    icon: Workflow,
    nav: { group: 'monitoring', order: 50 },
    columns: [outputs],
    template: start('Flow', true, { match: [{ select: {} }], localOutputRefs: [] }),
  }),
  defineKind<KubeObject>({
    ...LOGGING,
    resource: 'outputs',
    kind: 'Output',
    namespaced: true,
    title: () => m.outputs,
    singular: () => m.output,
    icon: LogOut,
    nav: { group: 'monitoring', order: 60 },
    columns: [providers],
    template: start('Output', true, HTTP),
  }),
]
