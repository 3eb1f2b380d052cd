#import "AURFacts.h"
#include <sys/utsname.h>

static NSString *systemVersion(void) {
#if __APPLE__
    NSOperatingSystemVersion version = [NSProcessInfo processInfo].operatingSystemVersion;
    return [NSString stringWithFormat:@"%ld.%ld.%ld", (long)version.majorVersion, (long)version.minorVersion, (long)version.patchVersion];
#else
    return [NSProcessInfo processInfo].operatingSystemVersionString;
#endif
}

NSDictionary<NSString *, NSString *> *AURProfileOf(NSBundle *bundle) {
    NSMutableDictionary *profile = [NSMutableDictionary dictionary];
    struct utsname machine = {0};
    uname(&machine);
    [profile setValue:[bundle objectForInfoDictionaryKey:@"CFBundleShortVersionString"] forKey:@"app_version"];
    [profile setValue:systemVersion() forKey:@"os_version"];
    [profile setValue:[NSString stringWithUTF8String:machine.machine] forKey:@"model"]; // such as iPhone17,1
    [profile setValue:[NSLocale preferredLanguages].firstObject forKey:@"language"];
    [profile setValue:[NSTimeZone localTimeZone].name forKey:@"time_zone"];
    return profile;
}
