/** Which namespaces are the system's, as Harvester hides them from people's lists. */
const PREFIXES = ['c-', 'p-', 'user-', 'cattle-', 'kube-', 'fleet-', 'cluster-fleet-', 'longhorn-', 'harvester-system']
const NAMES = new Set(['local', 'default-system', 'fleet-default', 'fleet-local', 'longhorn-system', 'harvester-system', 'forklift', 'descheduler'])

export const isSystemNamespace = (name: string): boolean => NAMES.has(name) || name.endsWith('-system') || PREFIXES.some((prefix) => name.startsWith(prefix))

/** Which namespaces a list shows: all, those that are not the system's, or some by name. */
export type NamespaceChoice = 'all' | 'user' | readonly string[]

// No namespace can be called that.
const ALL = '*'
const USER = '-system'

/** As it stands in an address. */
export function formatChoice(choice: NamespaceChoice): string {
  if (choice === 'user') return USER
  return choice === 'all' || choice.length === 0 ? ALL : choice.toSorted().join(',')
}

export function parseChoice(text: string): NamespaceChoice {
  if (text === USER) return 'user'
  const names = text === ALL ? [] : text.split(',').filter(Boolean)
  return names.length === 0 ? 'all' : names
}

/** Whether what is in the namespace is shown. */
export function isChosen(choice: NamespaceChoice, namespace: string): boolean {
  if (choice === 'all') return true
  return choice === 'user' ? !isSystemNamespace(namespace) : choice.includes(namespace)
}
