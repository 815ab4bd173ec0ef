/** Cloud-init's disk, and the Secret it reads. Pure. */
import type { KubeObject } from '@/core/kubernetes'

import { CLOUD_INIT_LABEL, KUBEVIRT, type Disk, type VirtualMachine, type Volume } from '../types'
import { encodeBase64 } from './base64'
import type { Draft } from './draft'
import { CLOUD_INIT_DISK, keyFor, type MachineModel } from './model'
import { isCloudInit } from './read'

const DISKS = ['spec', 'template', 'spec', 'domain', 'devices', 'disks']
const VOLUMES = ['spec', 'template', 'spec', 'volumes']

interface Options {
  isNew: boolean
  name: string
  index: number
}

export interface SecretObject extends KubeObject {
  type?: string
  data?: Record<string, string>
}

/** The Secret of a new machine is called after it. */
export const secretName = ({ key }: Pick<MachineModel, 'key'>, name: string, index: number): string => `${name}-${keyFor(key, index)}`

export function writeCloudInit(draft: Draft, model: MachineModel, before: MachineModel, { isNew, name, index }: Options): void {
  const volumes = draft.named<Volume>(VOLUMES)
  const present = volumes.find(isCloudInit)
  if (!model.hasCloudInit) {
    if (!present) return
    draft.set(VOLUMES, volumes.filter((volume) => volume !== present))
    draft.set(DISKS, draft.named<Disk>(DISKS).filter((disk) => disk.name !== present.name))
    return
  }
  if (present && !isNew) {
    draft.set(VOLUMES, volumes.map((volume) => (volume === present ? withTexts(volume, model, before) : volume)))
    return
  }
  const secret = secretName(model, name, index)
  const volume: Volume = { name: present?.name ?? CLOUD_INIT_DISK, cloudInitNoCloud: { secretRef: { name: secret }, networkDataSecretRef: { name: secret } } }
  // Every new machine has a Secret of its own, also when its template had none.
  draft.set(VOLUMES, [...volumes.filter((other) => other !== present), volume])
  const disks = draft.named<Disk>(DISKS)
  if (!disks.some((disk) => disk.name === volume.name)) draft.set(DISKS, [...disks, { name: volume.name, disk: { bus: 'virtio' } }])
}

/** Texts that stand in the manifest itself stay there. */
function withTexts(volume: Volume, model: MachineModel, before: MachineModel): Volume {
  const flavour = volume.cloudInitNoCloud ? 'cloudInitNoCloud' : 'cloudInitConfigDrive'
  const source = { ...volume[flavour] }
  for (const field of ['userData', 'networkData'] as const) {
    const isElsewhere = field === 'userData' ? source.secretRef : source.networkDataSecretRef
    if (isElsewhere || model[field] === before[field]) continue
    delete source[`${field}Base64`]
    if (model[field] === '') delete source[field]
    else source[field] = model[field]
  }
  return { ...volume, [flavour]: source }
}

/** What cloud-init reads, to be made once the machine exists and can own it. */
export function cloudInitSecret(model: MachineModel, machine: VirtualMachine, index: number): SecretObject {
  const { name, namespace, uid } = machine.metadata
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: secretName(model, name, index),
      ...(namespace && { namespace }),
      labels: { [CLOUD_INIT_LABEL]: 'harvester' },
      ...(uid && { ownerReferences: [{ apiVersion: `${KUBEVIRT}/v1`, kind: 'VirtualMachine', name, uid }] }),
    },
    type: 'Opaque',
    data: cloudInitData(model),
  }
}

export const cloudInitData = ({ userData, networkData }: Pick<MachineModel, 'userData' | 'networkData'>): Record<string, string> => ({
  userdata: encodeBase64(userData),
  networkdata: encodeBase64(networkData),
})
