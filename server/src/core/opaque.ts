/**
 * Text that somebody else still has to fill in: a renderer (Helm, Jinja, envsubst, Flux, Ansible, Terraform, kustomize),
 * a vault (SOPS, argocd-vault-plugin, vals) or a person. What will stand there cannot be judged here.
 */
export function isOpaque(text: string): boolean {
  return placeholders.some((pattern) => pattern.test(text));
}

/** None looks further than the next bracket of its kind: a value of megabytes must not take quadratic time. */
const placeholders = [
  /\{\{|\}\}|\{%|\{#|#\}/, // Helm, Go templates, Jinja, Mustache
  /\$\{[^}]*\}?|\$\([^()]*\)/, // envsubst, Flux, Terraform, Kubernetes variables
  /^\$[A-Za-z_]\w*$|(?:^|[/:.@,=\s])\$[A-Z_][A-Z0-9_]*/, // $VAR alone, or $VAR as a part of a path, an address or a list
  /%%[^%\s]+%%|%\([A-Za-z_]\w*\)s/, // %%X%%, %(x)s
  /^%[A-Za-z_]\w*%$/, // %X%
  /__[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*__/, // __X__
  /@@?[A-Z][A-Z0-9_]*@@?(?=$|[^A-Za-z0-9.])/, // @X@, @@X@@
  /<[^\s<>=][^<>]*>|<%/, // <your bucket>, <path:secret/data/db#pass>, ERB
  /\[\[[^[\]]*\]\]|\(\([^()]+\)\)|#\{/, // [[ x ]], ((x)), #{x}
  /^ENC\[/, // SOPS
  /^(?:ref\+|vault:)\S/, // vals, bank-vaults
];
