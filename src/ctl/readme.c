/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ctl/readme.h"

/* Lines of at most 80 columns: they are read on terminals. */

static const char head[] =
	"This is a mount of netviewfs: databases, shown as directories and text files.\n"
	"Reading a file reads the database. Saving a file changes it, at once and for\n"
	"everybody, and the change is written into the database's changelog. Any editor\n"
	"and any tool will do.\n"
	"\n"
	"LOOK\n";

static const char look_netgoat[] =
	"  ls netgoat/teams/TEAM/domains/DOMAIN/records     a file for each DNS record\n"
	"  cat netgoat/teams/TEAM/domains/DOMAIN/domain.json\n"
	"  tail -f netgoat/changelog                        who changed what\n"
	"  cat views/edge/TEAM/DOMAIN.json                  what an edge node gets\n";

static const char look_netdox[] =
	"  cat netdox/dns/NETWORK/NAME/records              lines: PLUGIN TYPE VALUE\n"
	"  grep -r 10.0.0.7 netdox/dns\n"
	"  tail -f netdox/changelog                         what changed\n";

static const char change_head[] = "\nCHANGE\n";

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
	"WHEN A COMMAND FAILS\n"
	"  tail .netviewfs/errors      why, with line and column, newest last\n"
	"  Invalid argument            the text was refused and nothing was changed\n"
	"  Operation not permitted     the database has no such change; or, from mv,\n"
	"                              what Invalid argument means elsewhere\n"
	"  Stale file handle           somebody else changed the same thing meanwhile:\n"
	"                              read it again, then save; what you wrote is in\n"
	"                              conflicts/, next to what you had read (base)\n"
	"                              and what is stored (theirs)\n"
	"  Input/output error, Connection timed out\n"
	"                              a database does not answer: .netviewfs/status\n"
	"\n"
	"THE OTHER FILES HERE\n"
	"  status                      databases, versions, options of this mount\n"
	"  errors                      what was refused or failed\n"
	"  metrics                     counters\n";

static const char tail_netgoat[] =
	"  schema.json                 which documents and fields there are\n";

static const char foot[] = "\nman netviewfs says all of it.\n";

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
