#import "AURSystem.h"
#import "AURFacts.h"
#import "AURSystemClock.h"
#import "AURURLSessionTransport.h"

@implementation AURSystem

+ (AUREnvironment *)environment {
    AUREnvironment *environment = [[AUREnvironment alloc] init];
#if __APPLE__
    environment.transport = [[AURURLSessionTransport alloc] init];
#endif
    NSString *support = NSSearchPathForDirectoriesInDomains(NSApplicationSupportDirectory, NSUserDomainMask, YES).firstObject ?: NSTemporaryDirectory();
    NSURL *folder = [[NSURL fileURLWithPath:support isDirectory:YES] URLByAppendingPathComponent:@"AuroraPush"];
    environment.storage = [[AURFileStorage alloc] initWithFolder:folder name:@"installation.json"];
    environment.clock = [[AURSystemClock alloc] init];
    environment.queue = [[AURBackgroundQueue alloc] init];
    environment.callbacks = [AURMainQueue shared];
    environment.bundleID = [NSBundle mainBundle].bundleIdentifier ?: @"";
    environment.profile = AURProfileOf([NSBundle mainBundle]);
    return environment;
}

@end
