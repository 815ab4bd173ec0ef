/** What the form's fields can choose from, live from the cluster, and the facts about it that the manifest needs. */
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue'

import { accessOf } from '@/core/access'
import { at, textAt, type Gvr, type KubeObject } from '@/core/kubernetes'
import { isSystemNamespace } from '@/core/namespaces'
import { formatByteQuantity } from '@/core/quantity'
import { useList, type Query } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { displayNameOf, imageFacts, isReady, type ImageFacts, type VirtualMachineImage } from '../../virtual-machine-image/objects'
import { CLAIMS, CLOUD_INIT_LABEL, CONFIG_MAPS, IMAGES, KEY_PAIRS, NAMESPACES, NETWORKS, NODES, QUOTAS, STORAGE_CLASSES, TEMPLATE_VERSIONS, TEMPLATES, type ClaimTemplate } from '../types'
import type { Facts } from './write-volumes'

export interface Option {
  value: string
  label: string
  disabled?: boolean
}

export interface KeyPair extends KubeObject {
  spec?: { publicKey?: string }
}

export interface StorageClass extends KubeObject {
  provisioner?: string
  parameters?: Record<string, string>
}

interface Claim extends KubeObject {
  spec?: ClaimTemplate['spec']
}

/** Where everybody may read images and templates. */
export const SHARED_NAMESPACE = 'harvester-public'
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'
/** Networks of the storage itself are not for machines. */
const STORAGE_NETWORK = 'storage-network.settings.harvesterhci.io'
const LONGHORN = 'driver.longhorn.io'

export interface Choices {
  facts: ComputedRef<Facts>
  namespaces: ComputedRef<string[]>
  images: ComputedRef<ReadonlyMap<string, ImageFacts>>
  imageOptions: ComputedRef<Option[]>
  /** The list is there, and empty. */
  hasNoImages: ComputedRef<boolean>
  classOptions: ComputedRef<Option[]>
  claimOptions: ComputedRef<Option[]>
  networkOptions: ComputedRef<Option[]>
  keys: ComputedRef<ReadonlyMap<string, string>>
  nodes: ComputedRef<string[]>
  templates: ComputedRef<KubeObject[]>
  templateVersions: ComputedRef<KubeObject[]>
  userDataTemplates: ComputedRef<ReadonlyMap<string, string>>
  networkDataTemplates: ComputedRef<ReadonlyMap<string, string>>
  quotas: ComputedRef<KubeObject[]>
}

const idOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`
const byLabel = (a: Option, b: Option): number => a.label.localeCompare(b.label)

export function useChoices(scope: MaybeRefOrGetter<Scope>, namespace: MaybeRefOrGetter<string>): Choices {
  const all = <T extends KubeObject>(gvr: Gvr, labelSelector?: string): ComputedRef<T[]> => useReadable<T>(scope, namespace, gvr, labelSelector).items
  const here = <T extends KubeObject>(gvr: Gvr): ComputedRef<T[]> => useList<T>(() => (toValue(namespace) ? { scope: toValue(scope), gvr, namespace: toValue(namespace) } : null)).items

  const { items: imageObjects, isKnown: isImagesKnown } = useReadable<VirtualMachineImage>(scope, namespace, IMAGES)
  const classes = all<StorageClass>(STORAGE_CLASSES)
  const claims = here<Claim>(CLAIMS)
  const keyPairs = all<KeyPair>(KEY_PAIRS)
  const networks = all<KubeObject>(NETWORKS)
  const nodes = all<KubeObject>(NODES)
  const namespaces = all<KubeObject>(NAMESPACES)
  const cloudTemplates = all<KubeObject>(CONFIG_MAPS, CLOUD_INIT_LABEL)

  const images = computed(() => new Map(imageObjects.value.map((image) => [idOf(image), imageFacts(image)])))
  const keys = computed(() => new Map(keyPairs.value.map((pair) => [idOf(pair), pair.spec?.publicKey ?? ''])))
  const isOwnImageClass = ({ parameters }: StorageClass): boolean => parameters?.['backingImage'] !== undefined
  const defaultClass = computed(() => classes.value.find(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')?.metadata.name ?? '')

  return {
    images,
    facts: computed(() => {
      const classByName = new Map(classes.value.map((one) => [one.metadata.name, one]))
      return {
        image: (id) => images.value.get(id),
        accessModes: (name) => accessModesOf(classByName.get(name)),
        defaultClass: defaultClass.value,
        claim: (name) => claims.value.find(({ metadata }) => metadata.name === name),
        publicKey: (id) => keys.value.get(id),
      }
    }),
    namespaces: computed(() =>
      namespaces.value
        .filter(({ metadata }) => !metadata.deletionTimestamp && !isSystemNamespace(metadata.name))
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    ),
    imageOptions: computed(() =>
      imageObjects.value
        .map((image) => ({ value: idOf(image), label: imageLabel(image), disabled: !isReady(image) }))
        .toSorted((a, b) => Number(a.disabled) - Number(b.disabled) || byLabel(a, b)),
    ),
    classOptions: computed(() =>
      classes.value
        .filter((one) => !isOwnImageClass(one))
        .map(({ metadata: { name } }) => ({ value: name, label: name }))
        .toSorted(byLabel),
    ),
    hasNoImages: computed(() => isImagesKnown.value && imageObjects.value.length === 0),
    claimOptions: computed(() => claims.value.map((claim) => ({ value: claim.metadata.name, label: claimLabel(claim) })).toSorted(byLabel)),
    networkOptions: computed(() =>
      networks.value
        .filter(({ metadata }) => metadata.annotations?.[STORAGE_NETWORK] !== 'true')
        .map((network) => ({ value: idOf(network), label: idOf(network) }))
        .toSorted(byLabel),
    ),
    keys,
    nodes: computed(() => nodes.value.map(({ metadata }) => metadata.name).toSorted()),
    templates: all<KubeObject>(TEMPLATES),
    templateVersions: all<KubeObject>(TEMPLATE_VERSIONS),
    userDataTemplates: computed(() => textsOf(cloudTemplates.value, 'user')),
    networkDataTemplates: computed(() => textsOf(cloudTemplates.value, 'network')),
    quotas: here<KubeObject>(QUOTAS),
  }
}

/** All that the person may read: everything, or what the machine's and the shared namespace hold. */
export function useReadable<T extends KubeObject>(scope: MaybeRefOrGetter<Scope>, namespace: MaybeRefOrGetter<string>, gvr: Gvr, labelSelector?: string): { items: ComputedRef<T[]>; isKnown: ComputedRef<boolean> } {
  const mayAll = computed(() => accessOf(toValue(scope)).may({ verb: 'list', group: gvr.group, resource: gvr.resource }))
  const query = (where: string | undefined): Query => ({ scope: toValue(scope), gvr, labelSelector, namespace: where })
  const parts = [
    useList<T>(() => (mayAll.value === true ? query(undefined) : null)),
    useList<T>(() => (mayAll.value === false && toValue(namespace) ? query(toValue(namespace)) : null)),
    useList<T>(() => (mayAll.value === false && toValue(namespace) !== SHARED_NAMESPACE ? query(SHARED_NAMESPACE) : null)),
  ]
  return {
    items: computed(() => parts.flatMap(({ items }) => items.value)),
    isKnown: computed(() => parts.some(({ collection }) => collection.value) && parts.every(({ collection }) => !collection.value || collection.value.isComplete.value)),
  }
}

/** Longhorn's first engine lets a volume be mounted by two nodes, which moving a running machine needs; others do not. */
export function accessModesOf(storageClass: StorageClass | undefined): string[] {
  const { provisioner = LONGHORN, parameters } = storageClass ?? {}
  const isShared = provisioner === LONGHORN && (parameters?.['dataEngine'] ?? 'v1') === 'v1'
  return [isShared ? 'ReadWriteMany' : 'ReadWriteOnce']
}

/** Names may repeat across namespaces; the shared one is where people expect images to be. */
export function imageLabel(image: VirtualMachineImage): string {
  const { namespace = '' } = image.metadata
  return namespace === SHARED_NAMESPACE ? displayNameOf(image) : `${namespace}/${displayNameOf(image)}`
}

function claimLabel(claim: Claim): string {
  const size = formatByteQuantity(at(claim, 'status', 'capacity', 'storage') ?? claim.spec?.resources?.requests?.storage)
  return size ? `${claim.metadata.name} (${size})` : claim.metadata.name
}

function textsOf(maps: readonly KubeObject[], kind: 'user' | 'network'): ReadonlyMap<string, string> {
  const fitting = maps.filter(({ metadata }) => metadata.labels?.[CLOUD_INIT_LABEL] === kind)
  return new Map(fitting.map((map) => [idOf(map), textAt(map, 'data', 'cloudInit') ?? '']))
}
