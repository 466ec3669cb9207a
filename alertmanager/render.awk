# Prints alertmanager.yml with the e-mail settings and webhook targets of the environment; unset ones change nothing.
# With a wrong value it prints what is wrong, never the value, and ends with 1. Any awk will do, with LC_ALL=C: texts are bytes here.
#
#   awk [-v secrets=FOLDER] -f render.awk alertmanager.yml

function problem(text) {
  print "alertmanager: " text >"/dev/stderr"
  failed = 1
}

# Returns the value of a variable, as a text even if it looks like a number; it must fit on one line.
function value(name) {
  if (ENVIRON[name] ~ /[[:cntrl:]]|\302\205/) problem(name " has a line break or another control character in it")
  return ENVIRON[name] ""
}

# Quotes a text for YAML; nothing but the quote itself is special between single quotes.
function quoted(text) {
  gsub(/'/, "''", text)
  return "'" text "'"
}

# Quotes a text that Alertmanager takes for a template.
function verbatim(text) {
  gsub(/[{][{]/, "{{ \"{{\" }}", text)
  return quoted(text)
}

# Tells whether a secret file has something in it.
function given(file,   line, found) {
  while ((getline line <file) > 0) if (line ~ /[^[:space:]]/) found = 1
  close(file)
  return found
}

# Writes what may not stand in an address as %XX, a byte each.
function encoded(text,   i, character, done) {
  for (i = 1; i <= length(text); i++) {
    character = substr(text, i, 1)
    done = done (character ~ /[A-Za-z0-9]/ || index("-._~:/?#[]@!$&'()*+,;=%", character) ? character : sprintf("%%%02X", code[character]))
  }
  return done
}

# Tells whether an encoded text is an address of HTTP: a scheme, perhaps a user, a host, perhaps a port.
function is_url(text) {
  return text ~ /^https?:\/\/([^]\/?#@[]*@)?(\[[0-9A-Fa-f:.]+\]|[^]\/?#@:[%]+)(:[0-9]+)?([\/?#]|$)/ &&
    text !~ /%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)/
}

# Takes the target of a receiver from a variable, if it is set.
function target(receiver, name,   url) {
  url = encoded(value(name))
  if (url == "") return
  if (!is_url(url)) problem(name " is no http:// or https:// address, or has a % that must be written as %25 there")
  targets[receiver] = url
}

function read_smtp(   required, i, missing, password) {
  smarthost = value("SMTP_SMARTHOST"); from = value("SMTP_FROM"); to = value("SMTP_TO")
  username = value("SMTP_USERNAME"); require_tls = value("SMTP_REQUIRE_TLS")
  if (smarthost from to username == "") return
  split("SMTP_SMARTHOST SMTP_FROM SMTP_TO", required, " ")
  for (i = 1; i <= 3; i++) if (ENVIRON[required[i]] == "") missing = missing " " required[i]
  if (missing) problem("some SMTP_ settings are set, but these are missing:" missing)
  if (smarthost && smarthost !~ /^([^][[:space:]:]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$/)
    problem("SMTP_SMARTHOST is not host:port")
  if (from && from !~ /@/) problem("SMTP_FROM is no e-mail address")
  if (to && to !~ /@/) problem("SMTP_TO is no e-mail address")
  if (require_tls !~ /^(|true|false)$/) problem("SMTP_REQUIRE_TLS is neither true nor false")
  password = given(secrets "/smtp_password")
  if (username && !password) problem("SMTP_USERNAME is set, but the file smtp_password is empty or cannot be read")
  if (password && !username) problem("the secret file smtp_password is not empty, but SMTP_USERNAME is missing")
  mailed["critical"]; mailed["warning"]
}

BEGIN {
  for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i
  if (secrets == "") secrets = "/run/secrets"
  target("critical", "CRITICAL_WEBHOOK_URL")
  target("application", "APPLICATION_WEBHOOK_URL")
  target("infrastructure", "INFRASTRUCTURE_WEBHOOK_URL")
  target("watchdog", "WATCHDOG_WEBHOOK_URL")
  read_smtp()
  if (failed) exit 1
}

{ gsub(/\/run\/secrets/, secrets) }

/^  resolve_timeout: / && smarthost {
  print
  print "  smtp_smarthost: " quoted(smarthost)
  print "  smtp_from: " verbatim(from)
  if (username) {
    print "  smtp_auth_username: " quoted(username)
    print "  smtp_auth_password_file: " quoted(secrets "/smtp_password")
  }
  if (require_tls) print "  smtp_require_tls: " require_tls
  rendered["smtp"]++
  next
}

/^  - name: / { receiver = $3 }
/^  - name: / && receiver in mailed {
  print
  print "    email_configs:"
  print "      - to: " verbatim(to)
  print "        send_resolved: true"
  rendered[receiver " mail"]++
  next
}

# Whoever else is told must not learn autolog's secret.
receiver in targets && /^      - url: / { $0 = "      - url: " quoted(targets[receiver]); rendered[receiver]++ }
receiver in targets && /^        http_config: / {
  $0 = "        http_config: {follow_redirects: false}"
  rendered[receiver]++
}

{ print }

function check(what, times) {
  if (rendered[what] != times) problem("alertmanager.yml is not as render.awk expects it: " what)
}

END {
  if (failed) exit 1
  if (smarthost) check("smtp", 1)
  for (receiver in mailed) check(receiver " mail", 1)
  for (receiver in targets) check(receiver, 2)
  exit failed
}
