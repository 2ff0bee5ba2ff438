#!/bin/sh
# The whole main job with curl: sh examples/server/walk.sh [server] [sandbox]
# It runs against a server that was started with `cargo run --example server`.
set -eu
API=${1:-http://localhost:3000}/api
SANDBOX=${2:?the sandbox address that the server printed when it started}
json() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# 1. An owner signs up, makes a client app with its Facebook app, and an API key for it.
OWNER=$(curl -sSf "$API/auth/sign-up/email" -H 'content-type: application/json' \
  -d '{"email":"owner-'"$$-$(date +%s)"'@example.org","password":"correct horse","name":"Owner"}' | json token)
APP=$(curl -sSf "$API/client-apps" -H "authorization: Bearer $OWNER" -H 'content-type: application/json' \
  -d '{"name":"Walk","redirectUris":["https://example.org/connected"],"facebookAppId":"200000000000002","facebookAppSecret":"walk"}' | json id)
KEY=$(curl -sSf "$API/client-apps/$APP/api-key" -H "authorization: Bearer $OWNER" -H 'content-type: application/json' -d '{}' | json apiKey)

# 2. An end user connects: open the URL in a browser and click, or let the sandbox click.
LOGIN=$(curl -sSf -G "$API/social/providers/facebook/connect" -H "x-api-key: $KEY" \
  --data-urlencode userId=ada --data-urlencode redirectUri=https://example.org/connected | json url)
BACK=$(curl -sSf "$SANDBOX/_sandbox/approve" -H 'content-type: application/json' -d "{\"url\":\"$LOGIN\",\"consent\":{}}" | json redirect)
curl -sS -o /dev/null -w 'connected, and sent on to %{redirect_url}\n' "$BACK"
CONNECTION=$(curl -sSf "$API/social/providers?userId=ada" -H "x-api-key: $KEY" | json id)
PAGE=$(curl -sSf "$API/social/providers/$CONNECTION/pages" -H "x-api-key: $KEY" | tr '{' '\n' | grep '"provider":"facebook"' | grep '"canPublish":true' | json id)

# 3. A post goes out now, and another one in three seconds.
POST=$(curl -sSf "$API/posts" -H "x-api-key: $KEY" -H 'content-type: application/json' \
  -d "{\"userId\":\"ada\",\"socialPageId\":\"$PAGE\",\"caption\":\"Hello from curl\"}" | json id)
curl -sSf -X POST "$API/posts/$POST/publish" -H "x-api-key: $KEY" -H 'prefer: wait=30' | json platformPostUrl
LATER=$(curl -sSf "$API/posts" -H "x-api-key: $KEY" -H 'content-type: application/json' \
  -d "{\"socialPageId\":\"$PAGE\",\"caption\":\"Hello on schedule\",\"scheduledAt\":\"$(date -u -d '3 seconds' +%FT%TZ)\"}" | json id)
until curl -sSf "$API/posts/$LATER" -H "x-api-key: $KEY" | grep -q '"status":"published"'; do sleep 1; done

# 4. See them as a visitor: open $SANDBOX/_sandbox in a browser.
curl -sSf "$API/posts?limit=10" -H "x-api-key: $KEY"; echo
