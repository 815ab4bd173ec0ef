/** Hosts: the machines of a cluster. */
import { Cpu } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition, listAt, textAt, type KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'
import { state } from '@/core/state'

import { nodeMessages as m } from './node-messages'

export interface Node extends KubeObject {
  spec?: { unschedulable?: boolean }
  status?: Record<string, unknown>
}

/** The name Harvester lets people give a host. */
const CUSTOM_NAME = 'harvesterhci.io/host-custom-name'
const MAINTENANCE = 'harvesterhci.io/maintain-status'

function addressOf(node: Node): string | undefined {
  const address = listAt(node, 'status', 'addresses').find((entry) => textAt(entry, 'type') === 'InternalIP')
  return textAt(address, 'address')
}

export const nodeKind = defineKind<Node>({
  group: '',
  version: 'v1',
  resource: 'nodes',
  kind: 'Node',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Cpu,
  nav: { group: 'main', order: 10 },
  creatable: false,
  displayName: (node) => node.metadata.annotations?.[CUSTOM_NAME] ?? node.metadata.name,
  state: (node) => {
    const ready = findCondition(node, 'Ready')
    if (ready?.status !== 'True') return state('problem', m.notReady, ready?.message)
    const maintenance = node.metadata.annotations?.[MAINTENANCE]
    if (maintenance === 'running') return state('working', m.entering)
    if (maintenance === 'completed') return state('off', m.maintenance)
    if (node.spec?.unschedulable) return state('attention', m.cordoned, m.cordonedText)
    return state('ok', m.ready)
  },
  columns: [
    { id: 'ip', label: () => m.ip, value: addressOf, format: 'mono', fact: true, width: 'minmax(110px, 1fr)' },
    { id: 'roles', label: () => m.roles, value: rolesOf },
    { id: 'cpu', label: () => m.cpu, value: (node) => parseQuantity(textAt(node, 'status', 'allocatable', 'cpu')), format: 'cores', width: '80px' },
    { id: 'memory', label: () => m.memory, value: (node) => parseQuantity(textAt(node, 'status', 'allocatable', 'memory')), format: 'bytes', fact: true, width: '100px' },
    { id: 'version', label: () => m.version, value: (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion'), hidden: true },
  ],
  facts: (node) => [
    { label: m.ip, value: addressOf(node), format: 'mono' },
    { label: m.roles, value: rolesOf(node) },
    { label: m.cpu, value: parseQuantity(textAt(node, 'status', 'capacity', 'cpu')), format: 'cores' },
    { label: m.memory, value: parseQuantity(textAt(node, 'status', 'capacity', 'memory')), format: 'bytes' },
    { label: m.os, value: textAt(node, 'status', 'nodeInfo', 'osImage') },
    { label: m.version, value: textAt(node, 'status', 'nodeInfo', 'kubeletVersion') },
  ],
})

function rolesOf(node: Node): string {
  const prefix = 'node-role.kubernetes.io/'
  return Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith(prefix))
    .map((label) => label.slice(prefix.length))
    .join(', ')
}
