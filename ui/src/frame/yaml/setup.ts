/**
 * How CodeMirror is set up here: YAML, our colours, help from the cluster's schema.
 *
 * CodeMirror brings its styles along. In a document it would add style elements, which the Content-Security-Policy
 * refuses; in a shadow root it uses constructed style sheets, so every editor lives in one.
 */
import { autocompletion, completionKeymap, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { lintGutter } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'

import type { SchemaHelp } from '@/core/schema'

import { pathAt } from './path'

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { color: 'var(--text-muted)', backgroundColor: 'var(--surface)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '.cm-activeLineGutter': { backgroundColor: 'var(--hover)', color: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'light-dark(oklch(88% 0.06 252), oklch(38% 0.08 256))' },
  '.cm-selectionMatch': { backgroundColor: 'var(--wheat-soft)' },
  '.cm-tooltip': { color: 'var(--text)', backgroundColor: 'var(--surface-raised)', border: '1px solid var(--border)', borderRadius: '6px', maxWidth: '60ch' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { color: 'var(--text)', backgroundColor: 'var(--selected)' },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '48ch' },
  '.cm-help': { padding: '6px 10px', fontFamily: 'var(--font)' },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--surface-sunken)' },
  '.cm-button, .cm-textfield': { color: 'var(--text)', background: 'var(--surface)', border: '1px solid var(--border-control)', borderRadius: '4px' },
  '.cm-foldPlaceholder': { color: 'var(--text-muted)', backgroundColor: 'var(--surface-sunken)', border: 'none' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--red)' },
  '.cm-changedLine, .cm-insertedLine': { backgroundColor: 'var(--green-soft) !important' },
  '.cm-deletedChunk': { backgroundColor: 'var(--red-soft) !important' },
  '.cm-changedText': { background: 'light-dark(oklch(86% 0.1 152), oklch(40% 0.09 152)) !important' },
  '.cm-deletedChunk .cm-deletedText': { background: 'light-dark(oklch(86% 0.08 22), oklch(42% 0.11 22)) !important' },
  '.cm-collapsedLines': { color: 'var(--text-soft)', background: 'var(--surface-sunken) !important' },
})

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--blue)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--green)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword, tags.atom], color: 'var(--amber)' },
  { tag: [tags.comment], color: 'var(--text-muted)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.meta], color: 'var(--text-muted)' },
])

/** What every editor and viewer has. */
export function base(label: string): Extension[] {
  return [
    lineNumbers(),
    foldGutter(),
    drawSelection(),
    yaml(),
    syntaxHighlighting(colours),
    bracketMatching(),
    highlightSelectionMatches(),
    search({ top: true }),
    indentUnit.of('  '),
    theme,
    // The content is editable and can be focused without it; what audits pages wants it said.
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    keymap.of([...defaultKeymap, ...searchKeymap, ...foldKeymap]),
  ]
}

export const readOnly: Extension[] = [EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ role: 'textbox', 'aria-readonly': 'true', 'aria-multiline': 'true' })]

/** What somebody who types needs beyond that. Tab stays the way out: indenting is what Enter and the spaces do. */
export function editing(help: () => SchemaHelp | null): Extension[] {
  return [
    history(),
    indentOnInput(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    lintGutter(),
    autocompletion({ override: [(context) => complete(context, help())], activateOnTyping: true }),
    hoverTooltip((view, position) => explain(view, position, help())),
    keymap.of([...historyKeymap, ...completionKeymap]),
  ]
}

function complete(context: CompletionContext, help: SchemaHelp | null): CompletionResult | null {
  if (!help) return null
  const line = context.state.doc.lineAt(context.pos)
  const before = line.text.slice(0, context.pos - line.from)
  const lines = context.state.doc.sliceString(0, line.from).split('\n').slice(0, -1)
  const value = /^(\s*(?:- )*)([\w.-]+):\s+(\S*)$/.exec(before)
  if (value) {
    const schema = help.at([...pathAt(lines, value[1] ?? ''), value[2] ?? ''])
    const options = schema?.enum ?? (schema?.type === 'boolean' ? [true, false] : [])
    return options.length > 0 ? { from: context.pos - (value[3]?.length ?? 0), options: options.map((option) => ({ label: String(option), type: 'constant' })) } : null
  }
  const word = /^(\s*(?:- )*)([\w.-]*)$/.exec(before)
  if (!word || (word[2] === '' && !context.explicit)) return null
  const fields = help.fieldsAt(pathAt(lines, word[1] ?? ''))
  return {
    from: context.pos - (word[2]?.length ?? 0),
    options: fields.map(([name, schema]) => ({
      label: name,
      type: 'property',
      ...(schema.type && { detail: schema.type }),
      ...(schema.description && { info: schema.description }),
      apply: schema.type === 'object' || schema.type === 'array' ? `${name}:` : `${name}: `,
    })),
  }
}

function explain(view: EditorView, position: number, help: SchemaHelp | null): { pos: number; create: () => { dom: HTMLElement } } | null {
  const line = view.state.doc.lineAt(position)
  const match = /^(\s*(?:- )*)([\w.-]+):/.exec(line.text)
  if (!help || !match || position > line.from + match[0].length) return null
  const lines = view.state.doc.sliceString(0, line.from).split('\n').slice(0, -1)
  const text = help.at([...pathAt(lines, match[1] ?? ''), match[2] ?? ''])?.description
  if (!text) return null
  return {
    pos: line.from + (match[1]?.length ?? 0),
    create: () => {
      const dom = document.createElement('div')
      dom.className = 'cm-help'
      // Text only: descriptions come from the cluster.
      dom.textContent = text
      return { dom }
    },
  }
}
