/**
 * Objects of any kind from any cluster: live lists and objects (`useList`, `useObject`), writes, and what they share.
 *
 * Start at `collection.ts` for how a list stays current, `store.ts` for how it is shared, `use.ts` for components.
 */
export { Collection, MAX_OBJECTS, type Batch, type Phase } from './collection'
export { oneOf, queryKey, queryPath, type Query } from './query'
export { acquire, forgetAll, peek, release } from './store'
export { untilGone } from './until-gone'
export { useList, useObject, type LiveList, type LiveObject } from './use'
export { act, create, patch, read, remove, replace, type WriteOptions } from './write'
