/**
 * Gives up an expansion that does not get on. Kubernetes never lets a claim shrink, so the claim is made again with the
 * size that its volume has; the volume itself is kept meanwhile, and reserved for the new claim.
 */
import type { KubeObject } from '@/core/kubernetes'
import { create, oneOf, patch, read, remove, untilGone } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { CLAIMS } from '../virtual-machine/types'
import { volumeMessages as m } from './messages'
import { isResizing, type Claim } from './object'

export const PERSISTENT_VOLUMES = { group: '', version: 'v1', resource: 'persistentvolumes' }
/** What controllers wrote about the old claim's binding. */
const BINDING = /^(pv\.kubernetes\.io|volume\.kubernetes\.io|volume\.beta\.kubernetes\.io)\//
/** A claim that something still uses does not go; longer than Harvester itself waits. */
const GONE_LIMIT_MS = 60_000

/** The claim to be made in place of this one: what it is, with the size that it has. */
export function unexpanded(claim: Claim): Claim {
  const { name, namespace = '', labels, annotations = {}, ownerReferences } = claim.metadata
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !BINDING.test(key)))
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace, ...(labels && { labels }), ...(ownerReferences && { ownerReferences }), annotations: kept },
    spec: { ...claim.spec, resources: { ...claim.spec?.resources, requests: { ...claim.spec?.resources?.requests, storage: claim.status?.capacity?.storage ?? '' } } },
  }
}

interface PersistentVolume extends KubeObject {
  spec?: { persistentVolumeReclaimPolicy?: string }
}

export async function cancelExpand(scope: Scope, { metadata: { namespace, name } }: Claim, limitMs: number = GONE_LIMIT_MS): Promise<void> {
  const claim = await read<Claim>(scope, CLAIMS, { namespace, name })
  const volumeName = claim.spec?.volumeName
  if (!isResizing(claim) || !volumeName || !claim.status?.capacity?.storage) throw new Error(m.cancelExpand.notResizing(name))
  const volume = await read<PersistentVolume>(scope, PERSISTENT_VOLUMES, { name: volumeName })
  const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Delete'
  const change = (spec: object): Promise<unknown> => patch(scope, PERSISTENT_VOLUMES, { name: volumeName }, { spec })

  await change({ persistentVolumeReclaimPolicy: 'Retain' })
  await untilGone(oneOf(scope, CLAIMS, name, namespace), () => remove(scope, CLAIMS, claim), () => {}, AbortSignal.timeout(limitMs))
  try {
    // Without the identity of the old claim it waits for the next one of that name, and for no other.
    await change({ claimRef: { uid: null, resourceVersion: null } })
    await create(scope, CLAIMS, unexpanded(claim))
  } catch (error) {
    throw new Error(m.cancelExpand.halfway(name, volumeName), { cause: error })
  }
  if (policy !== 'Retain') await change({ persistentVolumeReclaimPolicy: policy })
}
