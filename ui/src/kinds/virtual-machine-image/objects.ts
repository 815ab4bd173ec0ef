/** Images: their shape, as far as the console reads it, and what follows from it. Pure. */
import { at, findCondition, type Condition, type KubeObject } from '@/core/kubernetes'

export const IMAGE_TYPE = 'harvesterhci.io/image-type'
export const OS_TYPE = 'harvesterhci.io/os-type'
export const DISPLAY_NAME = 'harvesterhci.io/imageDisplayName'
export const STORAGE_CLASS = 'harvesterhci.io/storageClassName'
export const FILE_NAME = 'harvesterhci.io/image-name'

export interface VirtualMachineImage extends KubeObject {
  spec?: {
    displayName?: string
    description?: string
    url?: string
    checksum?: string
    sourceType?: string
    retry?: number
    backend?: string
    pvcName?: string
    pvcNamespace?: string
    targetStorageClassName?: string
    storageClassParameters?: Record<string, string>
    securityParameters?: { cryptoOperation?: string; sourceImageName?: string; sourceImageNamespace?: string }
  }
  status?: {
    progress?: number
    size?: number
    virtualSize?: number
    failed?: number
    lastFailedTime?: string
    storageClassName?: string
    appliedUrl?: string
    conditions?: Condition[]
  }
}

/** What a volume made from the image needs to know of it. */
export interface ImageFacts {
  name: string
  /** Bytes that a disk of it takes. */
  size: number
  isIso: boolean
  storageClass: string
}

export function imageFacts(image: VirtualMachineImage): ImageFacts {
  const { size = 0, virtualSize = 0, storageClassName = '' } = image.status ?? {}
  return { name: displayNameOf(image), size: Math.max(Number(size) || 0, Number(virtualSize) || 0), isIso: isIso(image), storageClass: storageClassName }
}

export const displayNameOf = (image: VirtualMachineImage): string => image.spec?.displayName || image.metadata.name

/** Whether it is a CD rather than a disk: as labelled, else by its name. */
export function isIso(image: VirtualMachineImage): boolean {
  const type = image.metadata.labels?.[IMAGE_TYPE]
  if (type) return type === 'iso'
  return /\.iso$/i.test(withoutQuery(image.spec?.url ?? '')) || /\.iso$/i.test(image.spec?.displayName ?? '')
}

export const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '')

/** The last part of an address, which is what people call the image. */
export function fileNameOf(url: string): string {
  const part = withoutQuery(url.trim()).split('/').findLast((piece) => piece !== '') ?? ''
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const isImported = (image: VirtualMachineImage): boolean => findCondition(image, 'Imported')?.status === 'True'

/** Volumes can be made from it. */
export function isReady(image: VirtualMachineImage): boolean {
  const isRefused = ['Imported', 'Initialized'].some((type) => findCondition(image, type)?.status === 'False')
  return !isRefused && image.metadata.deletionTimestamp === undefined && (image.status?.progress === 100 || isImported(image))
}

/** Per cent, or nothing where nobody knows. */
export function progressOf(image: VirtualMachineImage): number | undefined {
  const progress = at(image, 'status', 'progress')
  if (typeof progress === 'number') return progress
  return isImported(image) ? 100 : undefined
}
