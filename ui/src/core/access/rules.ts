/** Kubernetes' resource rules, evaluated as the server does. Pure. */

export interface Need {
  verb: string
  group: string
  /** Plural name, with `/subresource` where one is meant. */
  resource: string
  namespace?: string | undefined
  name?: string | undefined
}

export interface Rule {
  verbs: string[]
  apiGroups?: string[]
  resources?: string[]
  resourceNames?: string[]
}

const covers = (list: string[] | undefined, value: string): boolean => (list ?? []).some((entry) => entry === '*' || entry === value)

export function allows(rule: Rule, need: Need): boolean {
  return (
    covers(rule.verbs, need.verb) &&
    covers(rule.apiGroups, need.group) &&
    coversResource(rule.resources ?? [], need.resource) &&
    (!rule.resourceNames?.length || (need.name !== undefined && rule.resourceNames.includes(need.name)))
  )
}

function coversResource(resources: string[], resource: string): boolean {
  const [, subresource] = resource.split('/')
  return resources.some((entry) => entry === '*' || entry === resource || (subresource !== undefined && entry === `*/${subresource}`))
}

/** The same text for the same need. */
export function needKey({ verb, group, resource, namespace = '', name = '' }: Need): string {
  return [verb, group, resource, namespace, name].join('|')
}
