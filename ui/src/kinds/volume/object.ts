/** Volumes are claims; what a claim says of itself and of what is around it. Pure. */
import { at, findCondition, textAt, type Condition, type KubeObject } from '@/core/kubernetes'
import { formatByteQuantity } from '@/core/quantity'
import { state, type State } from '@/core/state'

import { newObject } from '../new-object'
import { DESCRIPTION, IMAGE_ID } from '../virtual-machine/types'
import { volumeMessages as m } from './messages'

export interface Claim extends KubeObject {
  spec?: {
    accessModes?: string[]
    volumeMode?: string
    storageClassName?: string
    volumeName?: string
    resources?: { requests?: { storage?: string } }
    dataSource?: { kind?: string; name?: string; apiGroup?: string }
  }
  status?: { phase?: string; capacity?: { storage?: string }; conditions?: Condition[] }
}

export const GOLDEN_IMAGE = 'harvesterhci.io/goldenImage'
export const SCHEDULING_ERROR = 'longhorn.io/volume-scheduling-error'
/** Longhorn's words for a volume that lacks replicas and works all the same. */
const PROVISIONER = 'volume.kubernetes.io/storage-provisioner'

const LONGHORN = 'driver.longhorn.io'

export const sizeOf = (claim: Claim): string | undefined => claim.status?.capacity?.storage ?? claim.spec?.resources?.requests?.storage
export const imageOf = (claim: Claim): string | undefined => claim.metadata.annotations?.[IMAGE_ID] || undefined
export const provisionerOf = (claim: Claim): string | undefined => claim.metadata.annotations?.[PROVISIONER]
const isExpanding = (claim: Claim): boolean => findCondition(claim, 'Resizing')?.status === 'True'
export const isResizing = (claim: Claim): boolean => ['Resizing', 'FileSystemResizePending'].some((type) => findCondition(claim, type)?.status === 'True')
/** Only Longhorn's expansions can be given up this way, and only of a volume that nothing uses. */
export const canCancelExpand = (claim: Claim, machines: readonly KubeObject[]): boolean =>
  isExpanding(claim) && provisionerOf(claim) === LONGHORN && machines.length === 0 && claim.metadata.deletionTimestamp === undefined

export const isBound = (claim: Claim): boolean => claim.status?.phase === 'Bound' && claim.metadata.deletionTimestamp === undefined

/** `machines` has it attached; `disk` is the persistent volume behind it. */
export function volumeState(claim: Claim, machines: readonly KubeObject[], disk: KubeObject | undefined): State {
  const names = machines.map(({ metadata }) => metadata.name).join(', ')
  if (claim.metadata.deletionTimestamp) return state('working', m.states.removing, names ? m.waitsForUse : undefined)
  if (isResizing(claim)) return state('working', m.states.resizing, m.resizingTo(formatByteQuantity(claim.spec?.resources?.requests?.storage)))
  if (claim.status?.phase === 'Lost') return state('problem', m.states.lost)
  const trouble = disk?.metadata.annotations?.[SCHEDULING_ERROR]
  if (trouble) return state('attention', m.states.degraded, trouble)
  if (claim.status?.phase !== 'Bound') return state('working', m.states.pending)
  return names ? state('ok', m.states.inUse, m.attachedTo(names)) : state('ok', m.states.ready)
}

export interface VolumeModel {
  namespace: string
  name: string
  description: string
  source: 'blank' | 'image'
  image: string
  storageClass: string
  size: string
}

export function claimManifest({ namespace, name, description, source, image, storageClass, size }: VolumeModel, accessModes: string[]): Claim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: name.trim(), namespace, annotations: { ...(description && { [DESCRIPTION]: description }), ...(source === 'image' && { [IMAGE_ID]: image }) } },
    spec: { accessModes, resources: { requests: { storage: size } }, volumeMode: 'Block', ...(storageClass && { storageClassName: storageClass }) },
  }
}

/** A second volume with the content of this one. */
export function cloneManifest(claim: Claim, name: string): Claim {
  const { accessModes = ['ReadWriteMany'], resources = {}, volumeMode = 'Block', storageClassName } = claim.spec ?? {}
  const image = imageOf(claim)
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: claim.metadata.namespace ?? '', annotations: image ? { [IMAGE_ID]: image } : {} },
    spec: { accessModes, resources, volumeMode, ...(storageClassName && { storageClassName }), dataSource: { kind: 'PersistentVolumeClaim', name: claim.metadata.name } },
  }
}

/** Harvester's own annotations tell a restore what the volume was. */
export function snapshotManifest(claim: Claim, name: string, snapshotClass: string): KubeObject {
  const { namespace = '', uid = '' } = claim.metadata
  const image = imageOf(claim)
  const provisioner = provisionerOf(claim)
  const annotations = {
    ...(claim.spec?.storageClassName && { 'harvesterhci.io/storageClassName': claim.spec.storageClassName }),
    ...(provisioner && { 'harvesterhci.io/storageProvisioner': provisioner }),
    ...(image && { [IMAGE_ID]: image }),
  }
  const ownerReferences = [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim.metadata.name, uid }]
  const spec = { source: { persistentVolumeClaimName: claim.metadata.name }, volumeSnapshotClassName: snapshotClass }
  return newObject('snapshot.storage.k8s.io/v1', 'VolumeSnapshot', { name, namespace, annotations, ownerReferences }, { spec })
}

/** The class of snapshots that the setting `csi-driver-config` names for a provisioner. */
export function snapshotClassFor(config: string | undefined, provisioner: string | undefined): string {
  try {
    return textAt(JSON.parse(config ?? '{}'), provisioner ?? '', 'volumeSnapshotClassName') ?? 'longhorn-snapshot'
  } catch {
    return 'longhorn-snapshot'
  }
}

export const sourceOf = (claim: Claim): string | undefined => {
  const name = textAt(claim, 'spec', 'dataSource', 'name')
  return name ? `${String(at(claim, 'spec', 'dataSource', 'kind'))} ${name}` : undefined
}
