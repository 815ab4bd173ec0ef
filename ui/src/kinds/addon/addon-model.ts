/** Add-ons: charts that a Harvester can switch on, with their values. Pure. */
import { findCondition, type Condition, type KubeObject } from '@/core/kubernetes'

export interface Addon extends KubeObject {
  spec?: { repo?: string; chart?: string; version?: string; enabled?: boolean; valuesContent?: string }
  status?: { status?: string; conditions?: Condition[] | null }
}

const EXPERIMENTAL = 'addon.harvesterhci.io/experimental'
const DISPLAY_NAME = 'addon.harvesterhci.io/displayName'

export const isEnabled = (addon: Addon): boolean => addon.spec?.enabled === true
export const isExperimental = ({ metadata }: Addon): boolean => metadata.labels?.[EXPERIMENTAL] === 'true'
export const nameOf = ({ metadata }: Addon): string => metadata.annotations?.[DISPLAY_NAME] ?? metadata.labels?.[DISPLAY_NAME] ?? metadata.name

export type Phase = 'disabled' | 'enabling' | 'deployed' | 'updating' | 'disabling' | 'failed'

const PHASES: Readonly<Record<string, Phase>> = {
  AddonEnabling: 'enabling',
  AddonInitiated: 'enabling',
  AddonDeploySuccessful: 'deployed',
  AddonUpdating: 'updating',
  AddonDisabling: 'disabling',
  AddonDisabled: 'disabled',
}

/** What an add-on is doing; what went wrong outweighs what it tries. */
export function phaseOf(addon: Addon): { phase: Phase; message?: string } {
  const failed = findCondition(addon, 'OperationFailed')
  if (failed?.status === 'True') return { phase: 'failed', ...(failed.message && { message: failed.message }) }
  const phase = PHASES[addon.status?.status ?? '']
  // Switched on or off just now, and the controller has not taken notice yet.
  if (isEnabled(addon)) return { phase: phase === undefined || phase === 'disabled' ? 'enabling' : phase }
  return { phase: phase === 'deployed' || phase === 'updating' ? 'disabling' : (phase ?? 'disabled') }
}

/** One value of a chart that has a field of its own; everything else is in the YAML. */
export interface ValueField {
  /** Where it stands in the values. */
  path: readonly string[]
  kind: 'text' | 'boolean' | 'secret'
  /** Which words it has. */
  label: 'requestsCpu' | 'requestsMemory' | 'limitsCpu' | 'limitsMemory' | 'retention' | 'retentionSize' | 'scrapeInterval' | 'evaluationInterval' | 'enabled' | 'repository' | 'tag' | 'driverLocation' | 'hostname' | 'version' | 'password' | 'size' | 'storageClass'
}

export interface ValueGroup {
  /** The part of the chart, by its own name. */
  title: string
  fields: readonly ValueField[]
}

function resources(...path: string[]): ValueField[] {
  const field = (kind: 'requests' | 'limits', what: 'cpu' | 'memory', label: ValueField['label']): ValueField => ({ path: [...path, 'resources', kind, what], kind: 'text', label })
  return [field('requests', 'cpu', 'requestsCpu'), field('requests', 'memory', 'requestsMemory'), field('limits', 'cpu', 'limitsCpu'), field('limits', 'memory', 'limitsMemory')]
}
const text = (label: ValueField['label'], ...path: string[]): ValueField => ({ path, kind: 'text', label })
const PROMETHEUS = ['prometheus', 'prometheusSpec'] as const

/** By the name of the add-on. */
export const VALUES: Readonly<Record<string, readonly ValueGroup[]>> = {
  'rancher-monitoring': [
    {
      title: 'Prometheus',
      fields: [
        text('scrapeInterval', ...PROMETHEUS, 'scrapeInterval'),
        text('evaluationInterval', ...PROMETHEUS, 'evaluationInterval'),
        text('retention', ...PROMETHEUS, 'retention'),
        text('retentionSize', ...PROMETHEUS, 'retentionSize'),
        ...resources(...PROMETHEUS),
      ],
    },
    { title: 'Prometheus Node Exporter', fields: resources('prometheus-node-exporter') },
    { title: 'Grafana', fields: resources('grafana') },
    {
      title: 'Alertmanager',
      fields: [{ path: ['alertmanager', 'enabled'], kind: 'boolean', label: 'enabled' }, text('retention', 'alertmanager', 'alertmanagerSpec', 'retention'), ...resources('alertmanager', 'alertmanagerSpec')],
    },
  ],
  'rancher-logging': [
    { title: 'Fluentbit', fields: resources('fluentbit') },
    { title: 'Fluentd', fields: resources('fluentd') },
  ],
  'nvidia-driver-toolkit': [{ title: 'NVIDIA', fields: [text('driverLocation', 'driverLocation'), text('repository', 'image', 'repository'), text('tag', 'image', 'tag')] }],
  'vm-import-controller': [
    { title: 'Controller', fields: resources() },
    { title: 'PVC', fields: [{ path: ['pvcClaim', 'enabled'], kind: 'boolean', label: 'enabled' }, text('size', 'pvcClaim', 'size'), text('storageClass', 'pvcClaim', 'storageClassName')] },
  ],
  'rancher-vcluster': [{ title: 'Rancher', fields: [text('hostname', 'hostname'), text('version', 'rancherVersion'), { path: ['bootstrapPassword'], kind: 'secret', label: 'password' }] }],
}

/** Values without which an add-on cannot be switched on. */
const NEEDED: Readonly<Record<string, readonly string[]>> = { 'rancher-vcluster': ['hostname', 'bootstrapPassword'], 'nvidia-driver-toolkit': ['driverLocation'] }

/** Which of those are missing. */
export function missingValues(addon: Addon): string[] {
  const values = addon.spec?.valuesContent ?? ''
  return (NEEDED[addon.metadata.name] ?? []).filter((key) => !new RegExp(`^${key}:[ \\t]*["']?[^\\s"'#]`, 'm').test(values))
}
