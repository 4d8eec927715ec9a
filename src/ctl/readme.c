/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ctl/readme.h"

static const char head[] =
	"This is a mount of netviewfs: databases shown as directories and small text files.\n"
	"Reading a file reads the database; saving a file changes it, at once and for everybody, and the change\n"
	"is written into the database's changelog. Any editor and any tool will do.\n"
	"\n"
	"LOOK\n";

static const char look_netgoat[] =
	"  ls netgoat/teams/TEAM/domains/DOMAIN/records     one file a DNS record\n"
	"  cat netgoat/teams/TEAM/domains/DOMAIN/domain.json\n"
	"  tail -f netgoat/changelog                        who changed what, newest last\n"
	"  cat views/edge/TEAM/DOMAIN.json                  what an edge node gets\n";

static const char look_netdox[] =
	"  cat netdox/dns/NETWORK/NAME/records              lines: PLUGIN TYPE VALUE\n"
	"  grep -r 10.0.0.7 netdox/dns\n"
	"  tail -f netdox/changelog                         what changed, newest last\n";

static const char change_head[] =
	"\n"
	"CHANGE\n";

static const char change_netgoat[] =
	"  cd netgoat/teams/TEAM/domains/DOMAIN/records\n"
	"  vi www.A.json                                    edit a record\n"
	"  cp www.A.json api.A.json                         make one like it\n"
	"  mv api.A.json app.A.json; rm app.A.json          rename it, delete it\n";

static const char change_netdox[] =
	"  mkdir netdox/dns/NETWORK/NAME                    make a DNS name\n"
	"  echo 'plugin A 10.0.0.7' >> netdox/dns/NETWORK/NAME/records\n"
	"  sed -i '/10.0.0.7/d' netdox/dns/NETWORK/NAME/records\n"
	"  echo 'owner: ann' >> netdox/dns/NETWORK/NAME/meta\n";

static const char tail[] =
	"\n"
	"IF A SAVE IS REFUSED (Invalid argument, Stale file handle, Operation not permitted)\n"
	"  tail .netviewfs/errors                           why, with line and column; nothing was changed\n"
	"  Stale file handle: somebody else changed the same thing meanwhile. Read it again, then save.\n"
	"  Input/output error, Connection timed out: a database does not answer; see .netviewfs/status\n"
	"\n"
	"THE OTHER FILES HERE\n"
	"  status     databases, versions, options of this mount\n"
	"  errors     refused saves, newest last\n"
	"  metrics    counters\n";

static const char tail_netgoat[] =
	"  schema.json  which documents and fields there are\n";

static const char foot[] =
	"\n"
	"man netviewfs says all of it.\n";

void nv_ctl_readme(bool has_netgoat, bool has_netdox, struct nv_buf *out)
{
	nv_buf_puts(out, head);
	nv_buf_puts(out, has_netgoat ? look_netgoat : "");
	nv_buf_puts(out, has_netdox ? look_netdox : "");
	nv_buf_puts(out, change_head);
	nv_buf_puts(out, has_netgoat ? change_netgoat : "");
	nv_buf_puts(out, has_netdox ? change_netdox : "");
	nv_buf_puts(out, tail);
	nv_buf_puts(out, has_netgoat ? tail_netgoat : "");
	nv_buf_puts(out, foot);
}
