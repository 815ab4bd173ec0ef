/** Which namespaces are the system's, as Harvester hides them from people's lists. */
const PREFIXES = ['c-', 'p-', 'user-', 'cattle-', 'kube-', 'fleet-', 'cluster-fleet-', 'longhorn-', 'harvester-system']
const NAMES = new Set(['local', 'default-system', 'fleet-default', 'fleet-local', 'longhorn-system', 'harvester-system', 'forklift', 'descheduler'])

export const isSystemNamespace = (name: string): boolean => NAMES.has(name) || name.endsWith('-system') || PREFIXES.some((prefix) => name.startsWith(prefix))
