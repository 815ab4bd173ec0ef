/** Load balancers in front of machines: listeners, which machines stand behind them, and how those are checked. Pure. */
import type { Condition, KubeObject } from '@/core/kubernetes'

export interface Listener {
  name?: string
  port?: number
  protocol?: string
  backendPort?: number
}

export interface HealthCheck {
  port?: number
  successThreshold?: number
  failureThreshold?: number
  periodSeconds?: number
  timeoutSeconds?: number
}

export interface LoadBalancer extends KubeObject {
  spec?: {
    description?: string
    workloadType?: string
    ipam?: string
    ipPool?: string
    listeners?: Listener[] | null
    backendServerSelector?: Record<string, string[]> | null
    healthCheck?: HealthCheck | null
  }
  status?: {
    address?: string
    allocatedAddress?: { ipPool?: string; ip?: string; mask?: string; gateway?: string } | null
    backendServers?: string[] | null
    conditions?: Condition[] | null
  }
}

export const PROTOCOLS = ['TCP', 'UDP'] as const

export interface ListenerModel {
  name: string
  protocol: string
  port: string
  backendPort: string
}

export interface LoadBalancerModel {
  name: string
  namespace: string
  description: string
  ipam: string
  ipPool: string
  listeners: ListenerModel[]
  /** Several values of one key are separated by commas. */
  selector: { key: string; value: string }[]
  isChecked: boolean
  check: Record<keyof HealthCheck, string>
}

/** The numbers of a check that suits most services. */
const CHECK: Record<keyof HealthCheck, string> = { port: '', successThreshold: '1', failureThreshold: '3', periodSeconds: '5', timeoutSeconds: '3' }

export const listenersOf = (balancer: LoadBalancer): Listener[] =>
  Array.isArray(balancer.spec?.listeners) ? balancer.spec.listeners.filter((entry) => typeof entry === 'object' && entry !== null) : []

export function loadBalancerModel(balancer: LoadBalancer | undefined, namespace: string): LoadBalancerModel {
  const { metadata, spec } = balancer ?? {}
  const listeners = balancer ? listenersOf(balancer) : [{ protocol: 'TCP' }]
  const check = spec?.healthCheck ?? {}
  return {
    name: metadata?.name ?? '',
    namespace: metadata?.namespace ?? namespace,
    description: spec?.description ?? '',
    ipam: spec?.ipam ?? 'pool',
    ipPool: spec?.ipPool ?? '',
    listeners: listeners.map(({ name = '', protocol = 'TCP', port, backendPort }: Listener) => ({
      name,
      protocol,
      port: String(port ?? ''),
      backendPort: String(backendPort ?? ''),
    })),
    selector: Object.entries(spec?.backendServerSelector ?? {}).map(([key, values]) => ({ key, value: [values].flat().join(', ') })),
    isChecked: Boolean(check.port),
    check: Object.fromEntries(Object.entries(CHECK).map(([field, value]) => [field, String(check[field as keyof HealthCheck] || value)])) as typeof CHECK,
  }
}

export function loadBalancerFor(model: LoadBalancerModel, before?: LoadBalancer): LoadBalancer {
  return {
    ...before,
    metadata: { ...before?.metadata, name: model.name, namespace: model.namespace },
    spec: {
      ...before?.spec,
      description: model.description,
      workloadType: before?.spec?.workloadType ?? 'vm',
      ipam: model.ipam,
      ipPool: model.ipam === 'pool' ? model.ipPool : '',
      listeners: model.listeners.map(({ name, protocol, port, backendPort }) => ({ name, protocol, port: Number(port), backendPort: Number(backendPort) })),
      backendServerSelector: selectorFor(model),
      healthCheck: model.isChecked ? { ...before?.spec?.healthCheck, ...numbers(model.check) } : {},
    },
  }
}

const numbers = (check: Record<string, string>): HealthCheck => Object.fromEntries(Object.entries(check).map(([field, text]) => [field, Number(text)]))

export function selectorFor({ selector }: Pick<LoadBalancerModel, 'selector'>): Record<string, string[]> {
  const rows = selector.filter(({ key, value }) => key.trim() !== '' && value.trim() !== '')
  return Object.fromEntries(rows.map(({ key, value }) => [key.trim(), value.split(',').map((part) => part.trim()).filter(Boolean)]))
}

/** Machines whose instances carry one of the values of every key. */
export function backends<V extends KubeObject>(selector: Record<string, string[]>, namespace: string, machines: readonly V[]): V[] {
  const wanted = Object.entries(selector)
  if (wanted.length === 0) return []
  return machines.filter((machine) => {
    const labels = (machine as { spec?: { template?: { metadata?: { labels?: Record<string, string> } } } }).spec?.template?.metadata?.labels ?? {}
    return machine.metadata.namespace === namespace && wanted.every(([key, values]) => labels[key] !== undefined && values.includes(labels[key]))
  })
}

export type ListenerProblem = { index: number; field: keyof ListenerModel; kind: 'required' | 'port' | 'name' | 'sameName' | 'samePort' | 'sameBackend' }

/** What the cluster would refuse, at the field where it is. */
export function listenerProblems(listeners: readonly ListenerModel[]): ListenerProblem[] {
  const problems: ListenerProblem[] = []
  const seen = new Set<string>()
  const isRepeated = (key: string): boolean => seen.size === seen.add(key).size
  listeners.forEach(({ name, protocol, port, backendPort }, index) => {
    if (name === '') problems.push({ index, field: 'name', kind: 'required' })
    else if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) problems.push({ index, field: 'name', kind: 'name' })
    else if (isRepeated(`name ${name}`)) problems.push({ index, field: 'name', kind: 'sameName' })
    if (!isPort(port)) problems.push({ index, field: 'port', kind: 'port' })
    else if (isRepeated(`front ${protocol} ${port}`)) problems.push({ index, field: 'port', kind: 'samePort' })
    if (!isPort(backendPort)) problems.push({ index, field: 'backendPort', kind: 'port' })
    else if (isRepeated(`back ${protocol} ${backendPort}`)) problems.push({ index, field: 'backendPort', kind: 'sameBackend' })
  })
  return problems
}

export function isPort(text: string): boolean {
  const port = Number(text)
  return /^\d+$/.test(text) && port >= 1 && port <= 65_535
}
