#import "AURRegisterEntity.h"

@implementation AURRegisterEntity
@end
