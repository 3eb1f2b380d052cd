// An app on top of the class methods, in a world without real time.
#import "AURPushCentre.h"
#import "AURWorld.h"
#import "JPUSHService.h"

NS_ASSUME_NONNULL_BEGIN

/// A new process: the SDK knows nothing, and has this world for its surroundings. The bundle holds a PushConfig.plist with
/// these keys, if there are any, and an embedded.mobileprovision with this aps-environment, if there is one.
void AURLaunch(AURWorld *world, NSDictionary *_Nullable plist, NSString *_Nullable signedFor);
/// Lets the main thread do what it was asked to, and the world what is due, moving time on by so many seconds.
void AURRun(AURWorld *world, NSTimeInterval seconds);
/// What a good PushConfig.plist holds.
NSDictionary *AURGoodPlist(void);
/// Lines of the SDK's log since the launch.
NSArray<NSString *> *AURLines(void);

NS_ASSUME_NONNULL_END
