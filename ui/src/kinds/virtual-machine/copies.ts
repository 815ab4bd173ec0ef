/** Copies of machines: with the data of their disks, and as templates. Pure. */
import { at, textAt, type KubeObject } from '@/core/kubernetes'
import { isRecord } from '@/core/same'

import { newObject } from '../new-object'
import { machineLike } from './form/blank'
import { secretName } from './form/cloud-init-volume'
import { DYNAMIC_KEY_NAMES, DYNAMIC_KEY_USERS } from './form/credentials'
import {
  CLAIM_TEMPLATES,
  claimOf,
  CLOUD_INIT_LABEL,
  IMAGE_ID,
  KUBEVIRT,
  named,
  parseJson,
  specOf,
  sshNamesOf,
  VM_NAME,
  type ClaimTemplate,
  type CloudInit,
  type InstanceSpec,
  type VirtualMachine,
  type Volume,
} from './types'

export interface ClaimObject extends KubeObject {
  spec?: ClaimTemplate['spec']
}

/** What has to be made beside the machine: copies of these Secrets under new names. */
export type SecretNames = ReadonlyMap<string, string>

export interface Copy {
  machine: VirtualMachine
  secrets: SecretNames
}

interface Options {
  name: string
  /** Five letters that make names unique. */
  key: string
  runStrategy: string
  claim: (name: string) => ClaimObject | undefined
}

/** A machine with copies of the other one's volumes, as Harvester clones it. */
export function cloneOf(source: VirtualMachine, { name, key, runStrategy, claim }: Options): Copy {
  const machine = machineLike(source, source.metadata.namespace ?? '')
  const spec = specOf(machine)
  const credentials = at(specOf(source), 'accessCredentials')
  if (credentials !== undefined) spec['accessCredentials'] = structuredClone(credentials)
  const templates: ClaimTemplate[] = []
  spec.volumes = named(spec.volumes).map((volume) => {
    const old = claimOf(volume)
    if (old === undefined) return volume
    const claimName = `${name}-${volume.name}-${key}`
    templates.push(copyOfClaim(claimName, old, claim(old)))
    return { name: volume.name, persistentVolumeClaim: { claimName } }
  })
  rename(machine, name)
  machine.metadata.annotations = { ...machine.metadata.annotations, [CLAIM_TEMPLATES]: JSON.stringify(templates) }
  machine.spec = { ...machine.spec, runStrategy }
  const secrets = renameSecrets(spec, name, key)
  copyDynamicKeys(source, machine, secrets)
  return { machine, secrets }
}

/** Which key pairs its credentials are made of, under the new names of their Secrets. */
function copyDynamicKeys(source: VirtualMachine, machine: VirtualMachine, secrets: SecretNames): void {
  const annotations = source.spec?.template?.metadata?.annotations
  const pairs = parseJson(annotations?.[DYNAMIC_KEY_NAMES])
  const metadata = machine.spec?.template?.metadata
  if (!isRecord(pairs) || !metadata) return
  metadata.annotations = {
    ...metadata.annotations,
    [DYNAMIC_KEY_USERS]: annotations?.[DYNAMIC_KEY_USERS] ?? '[]',
    [DYNAMIC_KEY_NAMES]: JSON.stringify(Object.fromEntries(Object.entries(pairs).map(([secret, ids]) => [secrets.get(secret) ?? secret, ids]))),
  }
}

function rename(machine: VirtualMachine, name: string): void {
  machine.metadata.name = name
  const template = machine.spec?.template
  if (!template) return
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [VM_NAME]: name } }
  template.spec = { ...template.spec, hostname: name }
}

function copyOfClaim(name: string, old: string, source: ClaimObject | undefined): ClaimTemplate {
  const { accessModes = ['ReadWriteMany'], resources, volumeMode = 'Block', storageClassName } = source?.spec ?? {}
  const image = source?.metadata.annotations?.[IMAGE_ID]
  return {
    metadata: { name, annotations: image ? { [IMAGE_ID]: image } : {} },
    spec: {
      accessModes,
      resources: { requests: { ...resources?.requests } },
      volumeMode,
      ...(storageClassName && { storageClassName }),
      dataSource: { kind: 'PersistentVolumeClaim', name: old },
    },
  }
}

/** Gives every Secret that the machine reads a new name; those are its own. */
function renameSecrets(spec: InstanceSpec, name: string, key: string): SecretNames {
  const names = new Map<string, string>()
  const renamed = (old: string): string => {
    const present = names.get(old)
    if (present !== undefined) return present
    const next = names.size === 0 ? secretName({ key }, name, 0) : secretName({ key }, name, names.size)
    names.set(old, next)
    return next
  }
  for (const volume of named(spec.volumes)) {
    for (const source of [volume.cloudInitNoCloud, volume.cloudInitConfigDrive]) renameReferences(source, renamed)
  }
  for (const credential of Array.isArray(spec['accessCredentials']) ? spec['accessCredentials'] : []) {
    for (const kind of ['userPassword', 'sshPublicKey']) {
      const secret = at(credential, kind, 'source', 'secret')
      if (isRecord(secret) && typeof secret['secretName'] === 'string') secret['secretName'] = renamed(secret['secretName'])
    }
  }
  return names
}

function renameReferences(source: CloudInit | undefined, renamed: (old: string) => string): void {
  if (source?.secretRef) source.secretRef = { name: renamed(source.secretRef.name) }
  if (source?.networkDataSecretRef) source.networkDataSecretRef = { name: renamed(source.networkDataSecretRef.name) }
}

/** A copy of a Secret, owned by the machine or template that reads it. */
export function secretCopy(source: KubeObject & { data?: Record<string, string>; type?: string }, name: string, owner: Owner): KubeObject {
  const { name: ownerName, uid = '', namespace = '' } = owner.metadata
  const ownerReferences = [{ apiVersion: owner.apiVersion, kind: owner.kind, name: ownerName, uid }]
  const { type = 'Opaque', data = {} } = source
  return newObject('v1', 'Secret', { name, namespace, labels: { [CLOUD_INIT_LABEL]: 'harvester' }, ownerReferences }, { type, data })
}

export interface Owner {
  apiVersion: string
  kind: string
  metadata: KubeObject['metadata']
}

export const machineOwner = (machine: VirtualMachine): Owner => ({ apiVersion: `${KUBEVIRT}/v1`, kind: 'VirtualMachine', metadata: machine.metadata })

export interface TemplateContent {
  keyPairIds: string[]
  vm: { metadata: { labels: Record<string, string>; annotations: Record<string, string> }; spec: VirtualMachine['spec'] }
}

/**
 * What a template's version holds of a machine: its manifest without what its life left behind. Volumes keep their
 * images; with `images`, each is made from an image of the volume's own data. Secrets are copied under new names.
 */
export function templateOf(
  source: VirtualMachine,
  { name, key, claim, images = new Map() }: { name: string; key: string; claim: Options['claim']; images?: ReadonlyMap<string, { id: string }> },
): { content: TemplateContent; secrets: SecretNames } {
  const machine = machineLike(source, source.metadata.namespace ?? '')
  const spec = specOf(machine)
  const templates = named(spec.volumes).flatMap((volume) => claimTemplate(volume, claim, images))
  const secrets = renameSecrets(spec, name, key)
  const annotations = { ...machine.metadata.annotations, [CLAIM_TEMPLATES]: JSON.stringify(templates) }
  return { content: contentOf(machine, annotations, sshNamesOf(source)), secrets }
}

/** What of a manifest goes into a template: machines made of it have names of their own. */
export function contentOf(machine: VirtualMachine, annotations: Record<string, string>, keyPairIds: string[]): TemplateContent {
  const spec = structuredClone(machine.spec ?? {})
  delete spec.template?.spec?.hostname
  delete spec.template?.metadata?.labels?.[VM_NAME]
  return { keyPairIds, vm: { metadata: { labels: { ...machine.metadata.labels }, annotations }, spec } }
}

function claimTemplate(volume: Volume, claim: Options['claim'], images: ReadonlyMap<string, { id: string }>): ClaimTemplate[] {
  const name = claimOf(volume)
  if (name === undefined) return []
  const source = claim(name)
  const image = images.get(name)
  const { dataSource: _, ...spec }: Record<string, unknown> = copyOfClaim(name, name, source).spec ?? {}
  const imageId = image?.id ?? textAt(source, 'metadata', 'annotations', IMAGE_ID)
  return [
    {
      metadata: { name, annotations: imageId ? { [IMAGE_ID]: imageId } : {} },
      spec: image ? withoutClass(spec) : spec,
    },
  ]
}

/** The class follows from the image once that is there. */
function withoutClass(spec: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => key !== 'storageClassName'))
}
