/** Pods, Deployments and Services: what runs in a cluster beside its machines. */
import { Boxes, Container, Route } from '@lucide/vue'

import { formatNumber } from '@/core/i18n'
import { defineKind } from '@/core/kinds'
import { listAt, textAt, type KubeObject } from '@/core/kubernetes'
import { genericState, state, toneOfWord, type State } from '@/core/state'

import { NODES, PODS } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { kubernetesMessages as m } from './messages'

const containersOf = (pod: KubeObject): unknown[] => listAt(pod, 'status', 'containerStatuses')
const restartsOf = (pod: KubeObject): number => containersOf(pod).reduce<number>((sum, container) => sum + (Number(textAt(container, 'restartCount')) || 0), 0)

function readyOf(pod: KubeObject): string {
  const ready = containersOf(pod).filter((container) => textAt(container, 'ready') === 'true').length
  return m.outOf(formatNumber(ready), formatNumber(listAt(pod, 'spec', 'containers').length))
}

/** What a container waits for says more than the phase of its Pod. */
export function podState(pod: KubeObject): State {
  if (pod.metadata.deletionTimestamp) return genericState(pod)
  for (const container of containersOf(pod)) {
    const waiting = textAt(container, 'state', 'waiting', 'reason')
    if (waiting && waiting !== 'ContainerCreating') return state(toneOfWord(waiting) ?? 'problem', waiting, textAt(container, 'state', 'waiting', 'message'))
  }
  const phase = textAt(pod, 'status', 'phase') ?? ''
  if (phase === 'Succeeded') return state('off', phase)
  if (phase !== 'Running') return state(toneOfWord(phase) ?? 'working', phase || 'Pending', textAt(pod, 'status', 'message') ?? textAt(pod, 'status', 'reason'))
  const isReady = containersOf(pod).every((container) => textAt(container, 'ready') === 'true')
  return isReady ? state('ok', phase) : state('attention', phase, m.notAll(readyOf(pod).split('/')[0] ?? '', String(listAt(pod, 'spec', 'containers').length)))
}

export const podKind = defineKind<KubeObject>({
  ...PODS,
  kind: 'Pod',
  namespaced: true,
  title: () => m.pods,
  singular: () => m.pod,
  icon: Container,
  state: podState,
  columns: [
    { id: 'ready', label: () => m.columns.ready, value: readyOf, width: '84px' },
    { id: 'restarts', label: () => m.columns.restarts, value: restartsOf, format: 'number', width: '100px' },
    { id: 'address', label: () => m.columns.address, value: (pod) => textAt(pod, 'status', 'podIP'), format: 'mono', fact: true },
    { id: 'node', label: () => m.columns.node, value: (pod) => textAt(pod, 'spec', 'nodeName'), fact: true },
  ],
  facts: (pod, { scope }) => {
    const node = textAt(pod, 'spec', 'nodeName')
    return [
      { label: m.columns.ready, value: readyOf(pod) },
      { label: m.columns.restarts, value: restartsOf(pod), format: 'number' },
      { label: m.columns.address, value: textAt(pod, 'status', 'podIP'), format: 'mono' },
      { label: m.columns.node, value: node, ...(node && { to: linkTo(scope, NODES, node) }) },
    ]
  },
})

const imagesOf = (object: KubeObject): string =>
  listAt(object, 'spec', 'template', 'spec', 'containers')
    .map((container) => textAt(container, 'image'))
    .filter(Boolean)
    .join(', ')
const replicas = (object: KubeObject, ...path: string[]): number => Number(textAt(object, ...path) ?? 0) || 0

export function deploymentState(deployment: KubeObject): State {
  if (deployment.metadata.deletionTimestamp) return genericState(deployment)
  const wanted = Number(textAt(deployment, 'spec', 'replicas') ?? 1)
  const ready = replicas(deployment, 'status', 'readyReplicas')
  if (wanted === 0) return state('off', m.scaledDown)
  if (ready >= wanted) return state('ok', commonMessages.states.active)
  return state('working', commonMessages.states.notReady, m.notAll(formatNumber(ready), formatNumber(wanted)))
}

export const deploymentKind = defineKind<KubeObject>({
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  kind: 'Deployment',
  namespaced: true,
  title: () => m.deployments,
  singular: () => m.deployment,
  icon: Boxes,
  state: deploymentState,
  columns: [
    { id: 'ready', label: () => m.columns.ready, value: (object) => m.outOf(formatNumber(replicas(object, 'status', 'readyReplicas')), formatNumber(Number(textAt(object, 'spec', 'replicas') ?? 1))), width: '84px', fact: true },
    { id: 'image', label: () => m.columns.image, value: imagesOf, format: 'mono', width: 'minmax(160px, 2.4fr)', fact: true },
  ],
})

const portsOf = (service: KubeObject): string =>
  listAt(service, 'spec', 'ports')
    .map((port) => [textAt(port, 'port'), textAt(port, 'protocol')].filter(Boolean).join('/'))
    .join(', ')

export const serviceKind = defineKind<KubeObject>({
  group: '',
  version: 'v1',
  resource: 'services',
  kind: 'Service',
  namespaced: true,
  title: () => m.services,
  singular: () => m.service,
  icon: Route,
  columns: [
    { id: 'type', label: () => m.columns.type, value: (service) => textAt(service, 'spec', 'type'), width: '120px', fact: true },
    { id: 'address', label: () => m.columns.address, value: (service) => textAt(service, 'spec', 'clusterIP'), format: 'mono', fact: true },
    { id: 'ports', label: () => m.columns.ports, value: portsOf },
  ],
})
