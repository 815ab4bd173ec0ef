/** The form of an image and its manifest. Pure. */
import { fromPairs, toPairs, type Pair } from '@/ui/pairs'

import { newObject } from '../new-object'
import { DESCRIPTION, HARVESTER } from '../virtual-machine/types'
import { imageMessages as m } from './messages'
import { fileNameOf, IMAGE_TYPE, isIso, OS_TYPE, STORAGE_CLASS, withoutQuery, type VirtualMachineImage } from './objects'

export interface ImageModel {
  namespace: string
  displayName: string
  description: string
  url: string
  checksum: string
  /** `''`: by the name. */
  type: '' | 'iso' | 'raw_qcow2'
  os: string
  storageClass: string
  retry: string
  labels: Pair[]
}

/** Labels that have fields of their own, or that the cluster writes itself. */
const OWN_LABELS = /^harvesterhci\.io\//
const SUFFIX = /\.(qcow2?|raw|img|iso)(\.(gz|xz))?$/i
export const DEFAULT_RETRIES = '3'

export function blankImage(namespace: string, storageClass: string): ImageModel {
  return { namespace, displayName: '', description: '', url: '', checksum: '', type: '', os: '', storageClass, retry: DEFAULT_RETRIES, labels: [] }
}

export function readImage(image: VirtualMachineImage): ImageModel {
  const { labels = {}, annotations = {}, namespace = '' } = image.metadata
  const { displayName = '', url = '', checksum = '', retry, description = '', targetStorageClassName } = image.spec ?? {}
  const type = labels[IMAGE_TYPE]
  return {
    namespace,
    displayName,
    description: annotations[DESCRIPTION] ?? description,
    url,
    checksum,
    type: type === 'iso' || type === 'raw_qcow2' ? type : '',
    os: labels[OS_TYPE] ?? '',
    storageClass: annotations[STORAGE_CLASS] ?? targetStorageClassName ?? '',
    retry: retry === undefined ? DEFAULT_RETRIES : String(retry),
    labels: toPairs(labels).filter(({ key }) => !OWN_LABELS.test(key)),
  }
}

export interface ClassFacts {
  provisioner?: string
  parameters?: Record<string, string>
}

/** Longhorn's first engine keeps images itself; for any other storage the containerized data importer does it. */
export function backendOf({ provisioner = 'driver.longhorn.io', parameters }: ClassFacts = {}): 'backingimage' | 'cdi' {
  return provisioner === 'driver.longhorn.io' && (parameters?.['dataEngine'] ?? 'v1') === 'v1' ? 'backingimage' : 'cdi'
}

/** What is sent to make an image. `hasBackends`: clusters before 1.5 do not know the field. */
export function imageManifest(model: ImageModel, facts: ClassFacts | undefined, hasBackends: boolean): VirtualMachineImage {
  const displayName = model.displayName.trim() || fileNameOf(model.url)
  const type = model.type || (isIso({ metadata: { name: '' }, spec: { url: model.url, displayName } }) ? 'iso' : 'raw_qcow2')
  const metadata = {
    generateName: 'image-',
    namespace: model.namespace,
    labels: { ...fromPairs(model.labels), [IMAGE_TYPE]: type, ...(model.os && { [OS_TYPE]: model.os }) },
    annotations: { [DESCRIPTION]: model.description, ...(model.storageClass && { [STORAGE_CLASS]: model.storageClass }) },
  }
  const spec = {
    displayName,
    sourceType: 'download',
    url: model.url.trim(),
    checksum: model.checksum.trim().toLowerCase(),
    retry: Number(model.retry),
    ...(hasBackends && { backend: backendOf(facts) }),
    ...(hasBackends && model.storageClass && { targetStorageClassName: model.storageClass }),
  }
  return newObject(`${HARVESTER}/v1beta1`, 'VirtualMachineImage', metadata, { spec })
}

/** What of an image can be changed: its description and labels. */
export function imagePatch(model: ImageModel, before: ImageModel): unknown {
  const labels: Record<string, string | null> = {}
  for (const { key } of before.labels) labels[key] = null
  Object.assign(labels, fromPairs(model.labels))
  if (model.os !== before.os) labels[OS_TYPE] = model.os || null
  if (model.type !== before.type) labels[IMAGE_TYPE] = model.type || null
  return { metadata: { labels, annotations: { [DESCRIPTION]: model.description } } }
}

export function urlProblem({ url }: ImageModel): string | null {
  const text = url.trim()
  if (text === '') return m.problems.required
  const parsed = URL.parse(text)
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') return m.problems.url
  return SUFFIX.test(withoutQuery(text)) ? null : m.problems.suffix
}

export function checksumProblem({ checksum }: ImageModel): string | null {
  const text = checksum.trim()
  return text === '' || /^[0-9a-f]{128}$/i.test(text) ? null : m.problems.checksum
}

export function retryProblem({ retry }: ImageModel): string | null {
  return /^\d+$/.test(retry.trim()) && Number(retry) <= 10 ? null : m.problems.retry
}
