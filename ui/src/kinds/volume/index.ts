/** Volumes: the claims of a cluster, with the machines that have them attached. */
import { Camera, CircleX, Copy, HardDrive, ImageUp } from '@lucide/vue'

import { accessOf, type Need } from '@/core/access'
import { discovered } from '@/core/discovery'
import { defineAction, defineKind, type Context } from '@/core/kinds'
import { resourceId, textAt, type Gvr, type KubeObject } from '@/core/kubernetes'
import { formatByteQuantity, parseQuantity } from '@/core/quantity'
import { toast } from '@/core/toast'

import { CLAIMS, claimsOf, DESCRIPTION, IMAGES, MACHINES, type VirtualMachine } from '../virtual-machine/types'
import MachineCell from './MachineCell.vue'
import { volumeMessages as m } from './messages'
import { canCancelExpand, GOLDEN_IMAGE, imageOf, isBound, isResizing, provisionerOf, sizeOf, sourceOf, volumeState, type Claim } from './object'

export const SNAPSHOTS = { group: 'snapshot.storage.k8s.io', version: 'v1', resource: 'volumesnapshots' }
const VOLUMES = { group: '', version: 'v1', resource: 'persistentvolumes' }

const machinesOf = (claim: Claim, { joined }: Context): VirtualMachine[] => joined<VirtualMachine>('machines', claim)
const need = (verb: string, { group, resource }: Gvr): Omit<Need, 'namespace' | 'name'> => ({ verb, group, resource })
const has = ({ scope }: Context, gvr: Gvr): boolean => discovered(scope)?.kinds.has(resourceId(gvr)) ?? true

export const volumeKind = defineKind<Claim>({
  ...CLAIMS,
  kind: 'PersistentVolumeClaim',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: HardDrive,
  nav: { group: 'main', order: 30 },
  joins: {
    machines: {
      query: ({ scope, namespace }) => ({ scope, gvr: MACHINES, namespace }),
      owner: (machine) => claimsOf(machine as VirtualMachine).map((claim) => `${machine.metadata.namespace}/${claim}`),
    },
    snapshots: {
      query: ({ scope, namespace }) => ({ scope, gvr: SNAPSHOTS, namespace }),
      owner: (snapshot) => {
        const claim = textAt(snapshot, 'spec', 'source', 'persistentVolumeClaimName')
        return claim && `${snapshot.metadata.namespace}/${claim}`
      },
    },
    disk: {
      query: ({ scope }) => ({ scope, gvr: VOLUMES }),
      owner: (volume) => `${textAt(volume, 'spec', 'claimRef', 'namespace')}/${textAt(volume, 'spec', 'claimRef', 'name')}`,
    },
  },
  state: (claim, context) => volumeState(claim, machinesOf(claim, context), context.joined('disk', claim)[0]),
  columns: [
    { id: 'size', label: () => m.columns.size, value: (claim) => parseQuantity(sizeOf(claim)), format: 'bytes', fact: true, width: '96px' },
    { id: 'storage-class', label: () => m.columns.storageClass, value: (claim) => claim.spec?.storageClassName, width: 'minmax(120px, 1.3fr)', groups: true },
    {
      id: 'machine',
      label: () => m.columns.machine,
      value: (claim, context) =>
        machinesOf(claim, context)
          .map(({ metadata }) => metadata.name)
          .join(', '),
      cell: MachineCell,
      fact: true,
    },
    { id: 'snapshots', label: () => m.columns.snapshots, value: (claim, context) => context.joined<KubeObject>('snapshots', claim).length, format: 'number', width: '96px' },
    { id: 'phase', label: () => m.columns.phase, value: (claim) => claim.status?.phase, width: '90px' },
    { id: 'image', label: () => m.columns.image, value: imageOf, hidden: true },
  ],
  actions: [
    defineAction<Claim>({ id: 'export', label: () => m.actions.exportImage, icon: ImageUp, needs: () => [need('create', IMAGES)], when: (claim, context) => has(context, IMAGES) && isBound(claim) && !isResizing(claim), dialog: () => import('./ExportDialog.vue') }),
    defineAction<Claim>({ id: 'snapshot', label: () => m.actions.snapshot, icon: Camera, needs: () => [need('create', SNAPSHOTS)], when: (claim, context) => has(context, SNAPSHOTS) && isBound(claim), dialog: () => import('./SnapshotDialog.vue') }),
    defineAction<Claim>({
      id: 'cancel-expand',
      label: () => m.actions.cancelExpand,
      icon: CircleX,
      needs: () => [need('create', CLAIMS), need('delete', CLAIMS)],
      // The volume behind it belongs to no namespace.
      when: (claim, context) => canCancelExpand(claim, machinesOf(claim, context)) && accessOf(context.scope).may(need('patch', VOLUMES)) === true,
      confirm: ([claim]) => (claim ? { title: m.cancelExpand.title(claim.metadata.name), text: m.cancelExpand.text(formatByteQuantity(sizeOf(claim))), confirm: m.actions.cancelExpand } : null),
      run: async (claim, { scope }) => {
        const { cancelExpand } = await import('./cancel-expand')
        await cancelExpand(scope, claim)
        toast({ tone: 'ok', text: m.cancelExpand.done(claim.metadata.name) })
      },
    }),
    defineAction<Claim>({ id: 'clone', label: () => m.actions.clone, icon: Copy, needs: () => [need('create', CLAIMS)], when: isBound, dialog: () => import('./CloneDialog.vue') }),
  ],
  facts: (claim, context) => [
    { label: m.facts.description, value: claim.metadata.annotations?.[DESCRIPTION] },
    { label: m.facts.size, value: parseQuantity(sizeOf(claim)), format: 'bytes' },
    ...(isResizing(claim) ? [{ label: m.facts.asked, value: parseQuantity(claim.spec?.resources?.requests?.storage), format: 'bytes' as const }] : []),
    ...machinesOf(claim, context).map(({ metadata }) => ({
      label: m.facts.machine,
      value: metadata.name,
      to: { name: 'object', params: { cluster: context.scope.id, resource: resourceId(MACHINES), namespace: metadata.namespace ?? '', name: metadata.name } },
    })),
    { label: m.facts.storageClass, value: claim.spec?.storageClassName },
    ...imageFact(claim, context),
    { label: m.facts.source, value: sourceOf(claim) },
    { label: m.facts.phase, value: claim.status?.phase },
    { label: m.facts.mode, value: claim.spec?.volumeMode },
    { label: m.facts.access, value: claim.spec?.accessModes?.join(', ') },
    { label: m.facts.volume, value: claim.spec?.volumeName, format: 'mono' },
    { label: m.facts.provisioner, value: provisionerOf(claim) },
  ],
  overview: () => import('./VolumeOverview.vue'),
  tabs: [
    {
      id: 'snapshots',
      label: () => m.columns.snapshots,
      component: () => import('./SnapshotsTab.vue'),
      when: (_, context) => has(context, SNAPSHOTS),
      count: (claim, { joined }) => joined('snapshots', claim).length,
    },
  ],
  form: () => import('./VolumeForm.vue'),
  // The master copies of images in other storage are not people's volumes.
  isInternal: (claim) => claim.metadata.annotations?.[GOLDEN_IMAGE] === 'true',
})

function imageFact(claim: Claim, { scope }: Context): { label: string; value: string; to: { name: string; params: Record<string, string> } }[] {
  const image = imageOf(claim)
  const [namespace = '', name = ''] = image?.split('/') ?? []
  return image ? [{ label: m.facts.image, value: image, to: { name: 'object', params: { cluster: scope.id, resource: resourceId(IMAGES), namespace, name } } }] : []
}
