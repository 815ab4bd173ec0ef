/** What every component passes on to its root element; anything else that a template gives to a component is a typing error. */
import type { AriaAttributes } from 'vue'

declare module 'vue' {
  interface AllowedComponentProps extends AriaAttributes {
    id?: string | undefined
    role?: string | undefined
    title?: string | undefined
    tabindex?: number | undefined
    onClick?: ((event: MouseEvent) => unknown) | undefined
    onKeydown?: ((event: KeyboardEvent) => unknown) | undefined
    onFocus?: ((event: FocusEvent) => unknown) | undefined
  }
  interface HTMLAttributes {
    /** Which row of a table an element is. */
    'data-index'?: number
    /** A letter that is only for the eye. */
    'data-initial'?: string
  }
}
