#import "AURClient.h"
#import "AURFacts.h"
#import "AURReceiptQueue.h"
#import "AURSystemClock.h"
#import "AURURLSessionTransport.h"

@implementation AUREnvironment

+ (instancetype)standardEnvironment {
    AUREnvironment *environment = [[self alloc] init];
#if __APPLE__
    environment.transport = [[AURURLSessionTransport alloc] init];
#endif
    environment.storage = [AURFileStorage standardStorage];
    environment.clock = [[AURSystemClock alloc] init];
    environment.queue = [AUROperationQueue background];
    environment.callbacks = [AUROperationQueue main];
    environment.bundleID = [NSBundle mainBundle].bundleIdentifier ?: @"";
    environment.profile = AURProfileOf([NSBundle mainBundle]);
    return environment;
}

@end
