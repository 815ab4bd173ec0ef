/** The cluster's own schema of a kind, out of its OpenAPI: for help in the YAML editor and in forms. */
import { request } from './http'
import type { Gvr } from './kubernetes'
import type { Scope } from './scope'

export interface Schema {
  $ref?: string
  type?: string
  description?: string
  enum?: unknown[]
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  allOf?: Schema[]
  required?: string[]
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
}

type Schemas = Record<string, Schema>

const documents = new Map<string, Promise<Schemas>>()

/** Looks fields up in the schema of one kind. */
export class SchemaHelp {
  constructor(
    private readonly schemas: Schemas,
    private readonly root: Schema,
  ) {}

  /** The schema at a path; numbers and `*` step into lists. */
  at(path: readonly (string | number)[]): Schema | undefined {
    let schema: Schema | undefined = this.resolve(this.root)
    for (const step of path) {
      if (!schema) return undefined
      if (schema.items && (typeof step === 'number' || step === '*')) schema = this.resolve(schema.items)
      else if (schema.properties?.[step]) schema = this.resolve(schema.properties[step])
      else schema = typeof schema.additionalProperties === 'object' ? this.resolve(schema.additionalProperties) : undefined
    }
    return schema
  }

  fieldsAt(path: readonly (string | number)[]): [name: string, schema: Schema][] {
    const fields = this.at(path)?.properties ?? {}
    return Object.entries(fields).map(([name, schema]) => [name, this.resolve(schema) ?? schema])
  }

  /** References name other schemas; what stands beside them (a description) comes first. */
  private resolve(schema: Schema | undefined): Schema | undefined {
    if (!schema) return undefined
    const ref = schema.$ref ?? schema.allOf?.find(({ $ref }) => $ref)?.$ref
    if (!ref) return schema
    const target = this.schemas[ref.slice(ref.lastIndexOf('/') + 1)]
    return { ...target, ...(schema.description && { description: schema.description }) }
  }
}

/** `null` where the cluster has no schema for the kind. */
export async function schemaOf(scope: Scope, { group, version }: Gvr, kind: string): Promise<SchemaHelp | null> {
  const path = group === '' ? `api/${version}` : `apis/${group}/${version}`
  const key = `${scope.id}/${path}`
  let document = documents.get(key)
  if (!document) {
    document = request<{ components?: { schemas?: Schemas } }>(`${scope.base}/openapi/v3/${path}`).then(({ components }) => components?.schemas ?? {})
    documents.set(key, document)
    document.catch(() => documents.delete(key))
  }
  const schemas = await document.catch((): Schemas => ({}))
  const isKind = (entry: { group: string; version: string; kind: string }): boolean => entry.group === group && entry.version === version && entry.kind === kind
  const root = Object.values(schemas).find((schema) => schema['x-kubernetes-group-version-kind']?.some(isKind))
  return root ? new SchemaHelp(schemas, root) : null
}
