/** Storage classes: Longhorn's parameters and the rest. Pure. */
import type { KubeObject } from '@/core/kubernetes'

export interface TopologyTerm {
  matchLabelExpressions?: { key?: string; values?: string[] | null }[] | null
}

export interface StorageClass extends KubeObject {
  provisioner?: string
  parameters?: Record<string, string> | null
  reclaimPolicy?: string
  allowVolumeExpansion?: boolean
  volumeBindingMode?: string
  allowedTopologies?: TopologyTerm[] | null
}

export const LONGHORN = 'driver.longhorn.io'
export const LVM = 'lvm.driver.harvesterhci.io'
const DEFAULT = 'storageclass.kubernetes.io/is-default-class'
const OLD_DEFAULT = 'storageclass.beta.kubernetes.io/is-default-class'
const RESERVED = 'harvesterhci.io/is-reserved-storageclass'
const LVM_NODE = 'topology.lvm.csi/node'

/** The secret of an encrypted class is named once for each step that needs it. */
const STEPS = ['provisioner', 'node-publish', 'node-stage'] as const
const secretKeys = STEPS.map((step) => ({ name: `csi.storage.k8s.io/${step}-secret-name`, namespace: `csi.storage.k8s.io/${step}-secret-namespace` }))

const annotation = ({ metadata }: StorageClass, key: string): boolean => metadata.annotations?.[key] === 'true'
export const isDefault = (storageClass: StorageClass): boolean => annotation(storageClass, DEFAULT) || annotation(storageClass, OLD_DEFAULT)
/** Belongs to the cluster, which refuses to delete it. */
export const isReserved = (storageClass: StorageClass): boolean => annotation(storageClass, RESERVED)
/** Made by the cluster for one image; nobody chooses it by hand. */
export const isOfImage = ({ parameters }: StorageClass): boolean => Boolean(parameters?.['backingImage'])

export function replicasOf({ parameters }: StorageClass): number | undefined {
  const count = Number(parameters?.['numberOfReplicas'])
  return Number.isFinite(count) && count > 0 ? count : undefined
}

export const isEncrypted = ({ parameters }: StorageClass): boolean => parameters?.['encrypted'] === 'true'

export const defaultPatch = (isOn: boolean): object => ({ metadata: { annotations: { [DEFAULT]: String(isOn), ...(!isOn && { [OLD_DEFAULT]: null }) } } })

export interface StorageClassModel {
  provisioner: string
  engine: string
  replicas: string
  staleTimeout: string
  nodeTags: string
  diskTags: string
  isMigratable: boolean
  isEncrypted: boolean
  /** `namespace/name`. */
  secret: string
  node: string
  group: string
  lvmType: string
  /** What has no field of its own. */
  other: { key: string; value: string }[]
  reclaim: string
  canGrow: boolean
  binding: string
  topologies: { key: string; value: string }[]
}

const OWN = ['numberOfReplicas', 'staleReplicaTimeout', 'nodeSelector', 'diskSelector', 'migratable', 'encrypted', 'dataEngine', 'vgName', 'type']

export function storageClassModel(storageClass: StorageClass | undefined, hosts = 3): StorageClassModel {
  const parameters = storageClass?.parameters ?? {}
  const known = new Set([...OWN, ...secretKeys.flatMap(({ name, namespace }) => [name, namespace])])
  const [first] = secretKeys
  const secretName = first && parameters[first.name]
  const terms = (storageClass?.allowedTopologies ?? []).flatMap((term) => term?.matchLabelExpressions ?? [])
  return {
    provisioner: storageClass?.provisioner ?? LONGHORN,
    engine: parameters['dataEngine'] ?? 'v1',
    // More copies than hosts would leave every volume degraded.
    replicas: parameters['numberOfReplicas'] ?? String(Math.max(1, Math.min(3, hosts))),
    staleTimeout: parameters['staleReplicaTimeout'] ?? '30',
    nodeTags: parameters['nodeSelector'] ?? '',
    diskTags: parameters['diskSelector'] ?? '',
    isMigratable: (parameters['migratable'] ?? 'true') === 'true',
    isEncrypted: parameters['encrypted'] === 'true',
    secret: secretName ? `${parameters[first.namespace] ?? ''}/${secretName}` : '',
    node: terms.find(({ key }) => key === LVM_NODE)?.values?.[0] ?? '',
    group: parameters['vgName'] ?? '',
    lvmType: parameters['type'] ?? 'striped',
    other: Object.entries(parameters).filter(([key]) => !known.has(key)).map(([key, value]) => ({ key, value: String(value) })),
    reclaim: storageClass?.reclaimPolicy ?? 'Delete',
    canGrow: storageClass?.allowVolumeExpansion ?? true,
    binding: storageClass?.volumeBindingMode ?? 'Immediate',
    topologies: terms.filter(({ key }) => key !== LVM_NODE).map(({ key = '', values }) => ({ key, value: (values ?? []).join(', ') })),
  }
}

/** Everything but the metadata; a class never changes, so there is no old one to build on. */
export function storageClassFor(model: StorageClassModel): Omit<StorageClass, 'metadata'> {
  return {
    provisioner: model.provisioner,
    parameters: parametersFor(model),
    reclaimPolicy: model.reclaim,
    allowVolumeExpansion: model.canGrow,
    volumeBindingMode: model.provisioner === LVM ? 'WaitForFirstConsumer' : model.binding,
    ...topologiesFor(model),
  }
}

function parametersFor(model: StorageClassModel): Record<string, string> {
  const other = Object.fromEntries(model.other.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value.trim()]))
  if (model.provisioner === LVM) return { type: model.lvmType, vgName: model.group.trim(), ...other }
  if (model.provisioner !== LONGHORN) return other
  const [namespace = '', name = ''] = model.secret.split('/')
  const secrets = model.isEncrypted ? Object.fromEntries(secretKeys.flatMap((keys) => [[keys.name, name], [keys.namespace, namespace]])) : {}
  return {
    numberOfReplicas: model.replicas.trim(),
    staleReplicaTimeout: model.staleTimeout.trim(),
    ...(model.nodeTags.trim() && { nodeSelector: model.nodeTags.trim() }),
    ...(model.diskTags.trim() && { diskSelector: model.diskTags.trim() }),
    migratable: String(model.isMigratable),
    encrypted: String(model.isEncrypted),
    dataEngine: model.engine,
    ...secrets,
    ...other,
  }
}

function topologiesFor(model: StorageClassModel): { allowedTopologies?: TopologyTerm[] } {
  const rows = model.topologies.filter(({ key, value }) => key.trim() !== '' && value.trim() !== '')
  const expressions = rows.map(({ key, value }) => ({ key: key.trim(), values: value.split(',').map((part) => part.trim()).filter(Boolean) }))
  if (model.provisioner === LVM && model.node !== '') expressions.push({ key: LVM_NODE, values: [model.node] })
  return expressions.length > 0 ? { allowedTopologies: [{ matchLabelExpressions: expressions }] } : {}
}

/** Tags that disks and hosts have, for suggestions. */
export function tagsOf(nodes: readonly KubeObject[]): { hosts: string[]; disks: string[] } {
  const hosts = new Set<string>()
  const disks = new Set<string>()
  for (const node of nodes) {
    const spec = (node as { spec?: { tags?: unknown; disks?: unknown } }).spec
    for (const tag of texts(spec?.tags)) hosts.add(tag)
    for (const disk of Object.values((spec?.disks ?? {}) as Record<string, { tags?: unknown } | null>)) for (const tag of texts(disk?.tags)) disks.add(tag)
  }
  return { hosts: [...hosts].sort(), disks: [...disks].sort() }
}

const texts = (list: unknown): string[] => (Array.isArray(list) ? list.filter((entry) => typeof entry === 'string') : [])
