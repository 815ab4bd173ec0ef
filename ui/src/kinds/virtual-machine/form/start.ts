/** How a form begins: what it is about, read from the cluster. */
import { request } from '@/core/http'
import { at, resourcePath, textAt, type KubeObject } from '@/core/kubernetes'
import { read } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { imageFacts, type VirtualMachineImage } from '../../virtual-machine-image/objects'
import { IMAGES, NODES, SETTINGS, SSH_NAMES, TEMPLATE_VERSIONS, type VirtualMachine } from '../types'
import { blankMachine, machineLike, newModel, newVolume, withImage } from './blank'
import { DEFAULT_USER_DATA } from './cloud-config'
import { decodeBase64 } from './base64'
import type { MachineModel } from './model'
import { readModel } from './read'
import { readCloudInit, readUsers } from './submit'

export interface Start {
  isNew: boolean
  /** Names the draft. */
  origin: string
  base: VirtualMachine
  before: MachineModel
  model: MachineModel
  /** Cloud-init's texts exist, but cannot be read. */
  isUnreadable: boolean
  machineTypes: string[]
}

export interface Origin {
  /** Edited when it has an identity, else copied. */
  object?: VirtualMachine | undefined
  namespace: string
  /** `namespace/name` of a version of a template. */
  template: string
  /** `namespace/name` of an image. */
  image: string
}

const DEFAULT_GRACE_SECONDS = 120
const GRACE_SETTING = 'default-vm-termination-grace-period-seconds'

export async function startOf(scope: Scope, { object, namespace, template, image }: Origin): Promise<Start> {
  const machineTypes = await machineTypesOf(scope)
  if (object?.metadata.uid) return startEdit(scope, object, machineTypes)
  if (object) return startLike(scope, object, object, { namespace: object.metadata.namespace ?? namespace, origin: 'copy', machineTypes })
  if (template !== '') return startTemplate(scope, template, namespace, machineTypes)
  const base = blankMachine({ namespace, terminationGrace: await graceOf(scope), machineType: machineTypes[0] ?? '', os: 'linux' })
  const { before, model } = newModel(base)
  const row = newVolume('image', [])
  const facts = image === '' ? undefined : await imageOf(scope, image)
  const volumes = image === '' ? [row] : rowsOf(withImage(row, image, facts))
  return { isNew: true, origin: `new/${image}`, base, before, model: { ...model, volumes, hasCloudInit: true, userData: DEFAULT_USER_DATA }, isUnreadable: false, machineTypes }
}

/** A CD needs a disk to install to. */
const rowsOf = (row: MachineModel['volumes'][number]): MachineModel['volumes'] =>
  row.type === 'cd-rom' ? [{ ...newVolume('blank', [row]), size: '40' }, row] : [row]

async function startEdit(scope: Scope, machine: VirtualMachine, machineTypes: string[]): Promise<Start> {
  const texts = await readCloudInit(scope, machine, decodeBase64)
  const model = readModel(machine)
  const before = { ...model, ...texts, credentials: await readUsers(scope, machine.metadata.namespace, model.credentials) }
  return { isNew: false, origin: `${machine.metadata.namespace}/${machine.metadata.name}`, base: machine, before, model: before, isUnreadable: texts === null, machineTypes }
}

/** A new machine like `source`, whose cloud config is found beside `owner`. */
async function startLike(
  scope: Scope,
  source: VirtualMachine,
  owner: VirtualMachine,
  { namespace, origin, machineTypes }: { namespace: string; origin: string; machineTypes: string[] },
): Promise<Start> {
  const texts = await readCloudInit(scope, owner, decodeBase64)
  const base = machineLike(source, namespace)
  const { before, model } = newModel(base)
  const isWindows = model.os === 'windows'
  // What was said nothing of begins as in an empty form.
  const begun = model.hasCloudInit ? (texts ?? { userData: '', networkData: '' }) : { hasCloudInit: !isWindows, userData: isWindows ? '' : DEFAULT_USER_DATA, networkData: '' }
  return { isNew: true, origin, base, before, model: { ...model, ...begun }, isUnreadable: false, machineTypes }
}

async function startTemplate(scope: Scope, id: string, namespace: string, machineTypes: string[]): Promise<Start> {
  const [where = '', name = ''] = id.split('/')
  const version = await read<KubeObject>(scope, TEMPLATE_VERSIONS, { namespace: where, name })
  const vm = (at(version, 'spec', 'vm') ?? {}) as { metadata?: Partial<VirtualMachine['metadata']>; spec?: VirtualMachine['spec'] }
  const source: VirtualMachine = { metadata: { ...vm.metadata, name: '', namespace: where }, ...(vm.spec && { spec: vm.spec }) }
  const keys = at(version, 'spec', 'keyPairIds')
  const start = await startLike(scope, source, source, { namespace, origin: `template/${id}`, machineTypes })
  const image = textAt(version, 'spec', 'imageId') ?? ''
  const facts = image === '' ? undefined : await imageOf(scope, image)
  const isNamed = source.spec?.template?.metadata?.annotations?.[SSH_NAMES] !== undefined
  return {
    ...start,
    model: {
      ...start.model,
      template: id,
      ...(!isNamed && Array.isArray(keys) && { sshKeys: keys.filter((key) => typeof key === 'string') }),
      volumes: start.model.volumes.map((row) => (row.source === 'image' && row.image === '' && image !== '' ? withImage(row, image, facts) : row)),
    },
  }
}

async function imageOf(scope: Scope, id: string): Promise<ReturnType<typeof imageFacts> | undefined> {
  const [namespace = '', name = ''] = id.split('/')
  return read<VirtualMachineImage>(scope, IMAGES, { namespace, name }).then(imageFacts, () => undefined)
}

async function graceOf(scope: Scope): Promise<number> {
  const setting = await read<KubeObject>(scope, SETTINGS, { name: GRACE_SETTING }).catch(() => null)
  const seconds = Number(textAt(setting, 'value') || textAt(setting, 'default'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_GRACE_SECONDS
}

/** As Harvester offers them; the first one is what a new machine gets. */
async function machineTypesOf(scope: Scope): Promise<string[]> {
  const { items = [] } = await request<{ items?: KubeObject[] }>(scope.base + resourcePath(NODES), { query: { limit: 1 } }).catch(() => ({ items: [] }))
  return textAt(items[0], 'metadata', 'labels', 'kubernetes.io/arch') === 'arm64' ? ['virt'] : ['q35']
}
