#include "app/interface_names.h"

#include "app/message.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Does the kernel say that one is made of the other: a bridge of its ports, a VLAN of its
 * trunk? Sysfs knows an interface by its first name alone. */
static bool lies_on(const char *upper, const char *lower)
{
    char names[2][IF_NAMESIZE], path[96];
    if (!if_indextoname(if_nametoindex(upper), names[0]) ||
        !if_indextoname(if_nametoindex(lower), names[1]))
        return false;
    (void)snprintf(path, sizeof path, "/sys/class/net/%s/lower_%s", names[0], names[1]);
    return access(path, F_OK) == 0;
}

static void warn(const char *upper, const char *lower)
{
    message_warning("%s lies on %s: packets that both of them have count twice", upper, lower);
}

int interface_names_check(const char *name, const char *other, struct err *err)
{
    unsigned index = if_nametoindex(name);
    if (strcmp(name, other) == 0)
        return err_set(err, "--interface", 0, 0, "\"%s\" is given twice", name);
    if (index && index == if_nametoindex(other))
        return err_set(err, "--interface", 0, 0,
                       "\"%s\": another name of %s, whose packets would count twice", name,
                       other);
    if (strcmp(name, "any") != 0 && strcmp(other, "any") != 0) {
        if (lies_on(name, other))
            warn(name, other);
        else if (lies_on(other, name))
            warn(other, name);
        return 0;
    }
    return err_set(err, "--interface", 0, 0,
                   "\"any\": has the packets of %s, too, which would count twice: give one of "
                   "them",
                   strcmp(name, "any") == 0 ? other : name);
}
