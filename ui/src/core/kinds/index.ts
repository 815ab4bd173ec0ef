/** The registry of kinds. `types.ts` says what a kind's file holds; docs/internals/adding-a-page.md shows one. */
export * from './types'
export { accessTable, allKinds, createNeed, kindId, kindOf, listNeed, navOf, needsOf, register, registeredKinds, type NavEntry } from './registry'
export { useJoins, type Joins } from './joins'
export { blank, compileJsonPath, printerColumns } from './printer-columns'
