import { afterEach, describe, expect, it, vi } from 'vitest'

import { scopeOf } from '@/core/scope'
import { json, refusal, serve } from '@/test/cluster'

import { cancelExpand, unexpanded } from './cancel-expand'
import type { Claim } from './object'

const claim: Claim = {
  metadata: {
    name: 'data',
    namespace: 'demo',
    uid: 'old',
    resourceVersion: '5',
    labels: { tier: 'db' },
    annotations: { 'field.cattle.io/description': 'Data', 'pv.kubernetes.io/bind-completed': 'yes', 'volume.kubernetes.io/storage-provisioner': 'driver.longhorn.io' },
  },
  spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', volumeName: 'pvc-old', storageClassName: 'harvester-longhorn', resources: { requests: { storage: '20Gi' } } },
  status: { phase: 'Bound', capacity: { storage: '10Gi' }, conditions: [{ type: 'Resizing', status: 'True' }] },
}
const smaller = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'demo', labels: { tier: 'db' }, annotations: { 'field.cattle.io/description': 'Data' } },
  spec: { ...claim.spec, resources: { requests: { storage: '10Gi' } } },
}
const CLAIMS = '/k8s/clusters/c-a/api/v1/namespaces/demo/persistentvolumeclaims'
const VOLUME = '/k8s/clusters/c-a/api/v1/persistentvolumes/pvc-old'
const scope = scopeOf('c-a')
afterEach(() => vi.unstubAllGlobals())

/** A cluster in which the claim goes when it is deleted; what was written, in order. */
function cluster({ status = claim.status, refusesClaim = false }: { status?: Claim['status']; refusesClaim?: boolean } = {}): { written: () => unknown[] } {
  let isGone = false
  const { requests } = serve((url, { method = 'GET' }) => {
    if (url.pathname === VOLUME) return json({ metadata: { name: 'pvc-old' }, spec: { persistentVolumeReclaimPolicy: 'Delete' } })
    if (method === 'DELETE') {
      isGone = true
      return json({})
    }
    if (method === 'POST') return refusesClaim ? refusal(403, 'Forbidden') : json(smaller, 201)
    if (url.pathname === `${CLAIMS}/data`) return json({ ...claim, status })
    if (url.searchParams.get('watch')) return new Response(`${JSON.stringify({ type: 'DELETED', object: claim })}\n`)
    return json({ items: isGone ? [] : [claim], metadata: { resourceVersion: '6' } })
  })
  return { written: () => requests.filter(({ method }) => method !== 'GET').map(({ method, url, body }) => [method, url.pathname, body]) }
}
const keep = (policy: string): unknown[] => ['PATCH', VOLUME, { spec: { persistentVolumeReclaimPolicy: policy } }]
const RESERVE = ['PATCH', VOLUME, { spec: { claimRef: { uid: null, resourceVersion: null } } }]
const DELETE = ['DELETE', `${CLAIMS}/data`, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background', preconditions: { uid: 'old' } }]

describe('an expansion that is given up', () => {
  it('leaves the claim as it is, with the size it has', () => expect(unexpanded(claim)).toEqual(smaller))

  it('keeps the volume while its claim is made again', async () => {
    const { written } = cluster()
    await cancelExpand(scope, claim)
    expect(written()).toEqual([keep('Retain'), DELETE, RESERVE, ['POST', CLAIMS, smaller], keep('Delete')])
  })

  it('says where the data is when it stops half-way, and keeps it', async () => {
    const { written } = cluster({ refusesClaim: true })
    await expect(cancelExpand(scope, claim)).rejects.toThrow(/pvc-old/)
    expect(written()).not.toContainEqual(keep('Delete'))
  })

  it('does nothing to a claim that does not expand any more', async () => {
    const { written } = cluster({ status: { phase: 'Bound', capacity: { storage: '20Gi' } } })
    await expect(cancelExpand(scope, claim)).rejects.toThrow(/data/)
    expect(written()).toEqual([])
  })
})
